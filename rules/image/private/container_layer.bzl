"""container_layer: one layer of files, tars and Debian packages."""

load("//rules/image/private:arguments.bzl", "check_target")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "CONTENT_ATTRS", "LAYER_ATTRS", "add_content", "check_content", "write_layer")
load("//rules/image/private:providers.bzl", "LayerInfo")

_DOC = """Builds one layer from files, tars and Debian packages.

```
container_layer(
    name = "config",
    directory = "/etc/shop",
    files = ["shop.toml"],
)
```

The bytes of the layer depend only on the content of the files and on the attributes: entries are sorted, times are 0, owners
are numbers.
"""

_ATTRS = dict(
    CONTENT_ATTRS,
    compression = COMPRESSION_ATTR,
    **LAYER_ATTRS
)

def _impl(ctx):
    check_content(ctx.attr)
    args = ctx.actions.args()
    add_content(args, ctx)
    layer = write_layer(
        ctx,
        ctx.label.name,
        args,
        depset(ctx.files.files + ctx.files.tars + ctx.files.debs),
        compression = ctx.attr.compression,
    )
    return [
        DefaultInfo(files = depset([layer.blob, layer.descriptor])),
        LayerInfo(blob = layer.blob, descriptor = layer.descriptor, env = ctx.attr.env),
    ]

container_layer_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [LayerInfo],
)

def container_layer(name, **kwargs):
    """Builds one layer from files, tars and Debian packages.

    Args:
      name: the target's name.
      **kwargs: attributes of the rule.
    """
    check_target(name, kwargs, "container_layer", _ATTRS)
    container_layer_rule(name = name, **kwargs)
