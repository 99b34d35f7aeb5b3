"""container_image: a base, layers and settings as one image."""

load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings", "merged_env")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "CONTENT_ATTRS", "LAYER_ATTRS", "add_content", "check_content", "has_content", "write_layer")
load("//rules/image/private:providers.bzl", "ImageInfo", "LayerInfo")

_DOC = """Makes an image: `NAME.manifest.json`, `NAME.config.json`, `NAME.digest`, and when asked for `NAME.tar`
(`bazel build --output_groups=archive`) or the folder `NAME.oci` (`--output_groups=oci_layout`).

The content attributes (files, tars, debs, …) become one layer on top of `layers`.

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
"""

_ATTRS = dict(
    CONTENT_ATTRS,
    compression = COMPRESSION_ATTR,
    layers = attr.label_list(
        doc = "container_layer targets, lowest first, between the base and this image's own layer. Empty: none.",
        providers = [LayerInfo],
    ),
)
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)

# What an image may be made for although there is nothing in it.
_SETTINGS = ["cmd", "entrypoint", "env", "label_files", "labels", "ports", "user", "volumes", "workdir"]

def _impl(ctx):
    check_content(ctx.attr)
    check_settings(ctx.attr)
    layers = [target[LayerInfo] for target in ctx.attr.layers]
    new_layers = list(layers)
    if has_content(ctx.attr):
        args = ctx.actions.args()
        add_content(args, ctx)
        new_layers.append(write_layer(
            ctx,
            ctx.label.name,
            args,
            depset(ctx.files.files + ctx.files.tars + ctx.files.debs),
            compression = ctx.attr.compression,
        ))
    if not new_layers and not ctx.attr.base and not [name for name in _SETTINGS if getattr(ctx.attr, name)]:
        fail("layers: the image would be empty: give it a base, layers or files")
    return assemble(ctx, new_layers, env = merged_env(layers, ctx.attr.env))

container_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

def container_image(name, **kwargs):
    """Makes an image; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      **kwargs: the rule's attributes. label_files maps a label to the file with its value; stamp may also be -1, what --stamp says.
    """
    container_image_rule(name = name, **image_arguments(name, kwargs, "container_image", _ATTRS))
