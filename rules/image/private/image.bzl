"""container_image: a base, layers and settings as one image."""

load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "assemble", "check_settings", "merged_env")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "CONTENT_ATTRS", "LAYER_TOOL_ATTR", "add_content", "check_content", "has_content", "write_layer")
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
    _layer_tool = LAYER_TOOL_ATTR,
)
_ATTRS.update(IMAGE_ATTRS)

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
            tool = ctx.attr._layer_tool[DefaultInfo].files_to_run,
            compression = ctx.attr.compression,
        ))
    if not new_layers and not ctx.attr.base:
        fail("layers: the image would be empty: give it a base, layers or files")
    return assemble(ctx, new_layers, env = merged_env(layers, ctx.attr.env))

container_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [ImageInfo],
)

def container_image(name, label_files = {}, **kwargs):
    """Makes an image; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      label_files: dict from label to the file that holds its value.
      **kwargs: the rule's attributes.
    """
    by_file = {}
    for label, file in label_files.items():
        by_file[file] = by_file[file] + "\n" + label if file in by_file else label
    container_image_rule(name = name, label_files = by_file, **kwargs)
