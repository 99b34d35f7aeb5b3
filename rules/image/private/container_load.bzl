"""container_load: a repository with an image from an archive."""

load("//rules/image/private:container_pull.bzl", "PLATFORM_ATTRS")

_DOC = """Takes an image from a tar of the workspace, an OCI layout or what `docker save` wrote; `@NAME//image` is it.

```
container_load(
    name = "vendor",
    file = "//vendor:image.tar",
)
```

The tar is read when a target that needs the image is built. An attribute that takes an image takes the tar itself too.
"""

_BUILD = """load("@turnup//rules/image/private:foreign_image.bzl", "foreign_image")

foreign_image(
    name = "image",
    architecture = "{architecture}",
    file = "image.tar",
    os = "{os}",
    visibility = ["//visibility:public"],
)
"""

def _impl(repository_ctx):
    attr = repository_ctx.attr
    repository_ctx.symlink(attr.file, "image/image.tar")
    repository_ctx.file("image/BUILD", _BUILD.format(architecture = attr.architecture, os = attr.os))

container_load = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = dict(
        file = attr.label(
            doc = "The tar.",
            allow_single_file = True,
            mandatory = True,
        ),
        **PLATFORM_ATTRS
    ),
)
