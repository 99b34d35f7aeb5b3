"""debian_image: an image of Debian packages."""

load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "LAYER_ATTRS", "check_paths", "write_layer")
load("//rules/image/private:providers.bzl", "ImageInfo")

_DOC = """Makes an image of exactly the packages given: usr-merged, without manuals and translations, with dpkg's data in
/var/lib/dpkg/status.d for scanners. What no package brings is not there, so there is no shell unless one is listed.

Without a base it also gets accounts (root, nobody, nonroot), /tmp and, where ca-certificates is among the packages,
the CA bundle.

```
debian_image(
    name = "redis",
    base = "//python:base",
    packages = ["@debian_redis//:debs"],
    entrypoint = ["/usr/bin/redis-server"],
)
```
"""

_ATTRS = {
    "compile_python": attr.bool(
        doc = "Byte-compile the packages' Python files, as their maintainer scripts would; programs then start faster.",
    ),
    "compression": COMPRESSION_ATTR,
    "env": attr.string_dict(
        doc = "Environment variables. Empty: the base's, or PATH, LANG and SSL_CERT_FILE where there is no base.",
    ),
    "exclude": attr.string_list(
        doc = "Patterns (`*` also matches '/') of files to leave out, such as usr/lib/python3.11/idlelib/*. Empty: none.",
    ),
    "packages": attr.label_list(
        doc = "The .deb files, usually @NAME//:debs of a debian_packages repository.",
        allow_files = [".deb"],
        mandatory = True,
    ),
}
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)

_ENV = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
}

def _impl(ctx):
    check_settings(ctx.attr)
    check_paths(ctx.attr.exclude, "exclude")
    if not ctx.files.packages:
        fail("packages: found none: name @NAME//:debs of a debian_packages repository")
    args = ctx.actions.args()
    args.add_all(ctx.files.packages, format_each = "--deb=%s")
    args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
    if not ctx.attr.base:
        args.add("--rootfs")
    if ctx.attr.compile_python:
        args.add("--compile-python")
    layer = write_layer(
        ctx,
        ctx.label.name,
        args,
        depset(ctx.files.packages),
        compression = ctx.attr.compression,
    )
    return assemble(ctx, [layer], env = ctx.attr.env if ctx.attr.base else dict(_ENV, **ctx.attr.env))

debian_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

def debian_image(name, base = None, user = None, **kwargs):
    """Makes an image of Debian packages; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      base: image to build on. None: an empty one.
      user: numeric user it runs as. None: the base's, or 65532 (nonroot) where there is no base.
      **kwargs: the rule's attributes.
    """
    debian_image_rule(name = name, base = base, user = user if user != None else ("" if base else "65532"), **image_arguments(name, kwargs, "debian_image", _ATTRS))
