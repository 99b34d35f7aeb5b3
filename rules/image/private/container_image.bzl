"""container_image: an image of a base, layers and settings."""

load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "CONTENT_ATTRS", "LAYER_ATTRS", "add_content", "check_content", "has_content", "write_layer")
load("//rules/image/private:prebuilt.bzl", "image_info", "list_folders")
load("//rules/image/private:providers.bzl", "ImageInfo", "LayerInfo")

_DOC = """Builds an image from a base, layers, files and settings.

```
container_image(
    name = "image",
    base = "//python:base",
    entrypoint = ["/usr/bin/python3.11", "-I", "/srv/main.py"],
    directory = "/srv",
    files = ["main.py"],
    ports = ["8080"],
)
```

The content attributes (`files`, `tars`, `debs`, …) become one layer on top of `layers`. The outputs are `NAME.manifest.json`,
`NAME.config.json` and `NAME.digest`; on request also `NAME.tar` (`--output_groups=archive`) and the folder `NAME.oci`
(`--output_groups=oci_layout`).
"""

_ATTRS = dict(
    CONTENT_ATTRS,
    compression = COMPRESSION_ATTR,
    layers = attr.label_list(
        doc = "container_layer targets, lowest first, between the base and the layer of this image's own files. Empty: none.",
        providers = [LayerInfo],
    ),
)
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)

# Settings that make an image useful even if it has no files.
_SETTINGS = ["cmd", "entrypoint", "env", "label_files", "labels", "null_cmd", "null_entrypoint", "ports", "user", "volumes", "workdir"]

def _impl(ctx):
    check_content(ctx.attr)
    check_settings(ctx.attr)
    layers = [target[LayerInfo] for target in ctx.attr.layers]
    new_layers = list(layers)
    base = image_info(ctx, ctx.attr.base, "base", ctx.attr.architecture, ctx.attr.operating_system) if ctx.attr.base else None
    own = has_content(ctx.attr)
    lower, checks = base.folders if base else None, []
    if layers and (lower or own or len(layers) > 1):
        lower = list_folders(ctx, ctx.label.name + ".lower.json", base = lower, upper = layers)
        checks = [lower]
    if own:
        args = ctx.actions.args()
        add_content(args, ctx)
        new_layers.append(write_layer(
            ctx,
            ctx.label.name,
            args,
            depset(ctx.files.files + ctx.files.tars + ctx.files.debs),
            compression = ctx.attr.compression,
            lower = lower,
        ))
    if not new_layers and not ctx.attr.base and not [name for name in _SETTINGS if getattr(ctx.attr, name)]:
        fail("layers: the image would be empty. Set base, layers or files.")
    return assemble(ctx, new_layers, env = ctx.attr.env, base = base, checks = checks)

container_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

def container_image(name, **kwargs):
    """Builds an image from a base, layers, files and settings.

    Args:
      name: the target's name.
      **kwargs: attributes of the rule.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Stamp variables are replaced in `creation_time`, `cmd`, `entrypoint`, `user`, `workdir` and in the values of `env` and
          `labels`. A stamp variable is `{KEY}`, where KEY has capital letters, digits and underscores. `creation_time` is
          `{BUILD_TIMESTAMP}` unless it is set. Unset or -1 follows Bazel's `--stamp`.
    """
    container_image_rule(name = name, **image_arguments(name, kwargs, "container_image", _ATTRS))
