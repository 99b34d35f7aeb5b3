"""debian_image: an image of Debian packages."""

load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "EXPANSION", "LAYER_ATTRS", "check_paths", "write_layer")
load("//rules/image/private:prebuilt.bzl", "image_info")
load("//rules/image/private:providers.bzl", "ImageInfo")

_DOC = """Builds an image of the given Debian packages and nothing else.

```
debian_image(
    name = "redis",
    base = "//python:base",
    packages = ["@debian_redis//:debs"],
    entrypoint = ["/usr/bin/redis-server"],
)
```

The files are usr-merged, without manuals and translations. `/var/lib/dpkg/status.d` has dpkg's data for scanners. The image
has no shell unless a package brings one.

Without a base the image also has accounts (root, nobody, nonroot), `/tmp` and, if ca-certificates is among the packages, the
CA bundle.
"""

_ATTRS = {
    "compile_python": attr.bool(
        doc = "Byte-compile the packages' Python files, as their maintainer scripts would. Programs then start faster.",
    ),
    "compression": COMPRESSION_ATTR,
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Without a base, PATH, LANG and SSL_CERT_FILE have defaults.\n\n" + EXPANSION,
    ),
    "exclude": attr.string_list(
        doc = "Patterns of files to leave out, such as `usr/lib/python3.11/idlelib/*`; `*` also matches `/`. Empty: none.",
    ),
    "packages": attr.label_list(
        doc = "The .deb files, usually `@NAME//:debs` of a debian_packages repository.",
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
        fail("packages: the list is empty. Add @NAME//:debs of a debian_packages repository.")
    base = image_info(ctx, ctx.attr.base, "base", ctx.attr.architecture, ctx.attr.operating_system) if ctx.attr.base else None
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
        lower = base.folders if base else None,
    )
    return assemble(ctx, [layer], base = base, env = ctx.attr.env if ctx.attr.base else dict(_ENV, **ctx.attr.env))

debian_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

def debian_image(name, base = None, user = None, **kwargs):
    """Builds an image of the given Debian packages and nothing else.

    Args:
      name: the target's name.
      base: the base image. None: an empty image.
      user: the numeric user that the program runs as. None: the base's, or 65532 (nonroot) without a base.
      **kwargs: attributes of the rule.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Stamp variables are replaced in `creation_time`, `cmd`, `entrypoint`, `user`, `workdir` and in the values of `env` and
          `labels`. A stamp variable is `{KEY}`, where KEY has capital letters, digits and underscores. `creation_time` is
          `{BUILD_TIMESTAMP}` unless it is set. Unset or -1 follows Bazel's `--stamp`.
    """
    debian_image_rule(name = name, base = base, user = user if user != None else ("" if base else "65532"), **image_arguments(name, kwargs, "debian_image", _ATTRS))
