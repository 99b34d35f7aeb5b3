"""container_load: a repository with an image from an archive."""

load("//rules/common:labels.bzl", "package_label")
load("//rules/image/private:container_pull.bzl", "COMMON", "PLATFORM_ATTRS")
load("//rules/image/private:unsupported.bzl", "check_arguments")

_DOC = """Makes the image in a tar of the workspace available as `@NAME//image`.

```
container_load(
    name = "vendor",
    file = "//vendor:image.tar",
)
```

Other labels are `@NAME//image:image.tar`, `:digest`, `:config.json` and `:manifest.json`. The tar is read when a target that needs
the image is built. An attribute that takes an image also takes the tar itself.
"""

_ATTRS = dict(
    PLATFORM_ATTRS,
    file = attr.label(
        doc = "The tar: an OCI layout, or the output of `docker save`.",
        allow_single_file = True,
        mandatory = True,
    ),
)

_BUILD = """load("{rules}:prebuilt_image.bzl", "prebuilt_image")

prebuilt_image(
    name = "image",
    architecture = "{architecture}",
    file = "saved.tar",
    os = "{os}",
    visibility = ["//visibility:public"],
)

# Labels of rules_docker.
[
    filegroup(
        name = name,
        srcs = [":image"],
        output_group = group,
        visibility = ["//visibility:public"],
    )
    for name, group in {{
        "config.json": "config",
        "digest": "digest",
        "image.digest": "digest",
        "image.tar": "archive",
        "manifest.json": "manifest",
    }}.items()
]
"""

def _impl(repository_ctx):
    attr = repository_ctx.attr
    repository_ctx.symlink(attr.file, "image/saved.tar")
    repository_ctx.file("image/BUILD", _BUILD.format(
        architecture = attr.architecture,
        os = attr.os,
        rules = package_label(Label("//rules/image/private:BUILD")),
    ))

container_load_rule = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)

def container_load(name, **kwargs):
    """Makes the image in a tar of the workspace available as `@NAME//image`.

    Args:
      name: the repository's name.
      **kwargs: attributes of the repository rule.
    """
    check_arguments("@" + name, kwargs, "container_load", list(_ATTRS) + COMMON)
    container_load_rule(name = name, **kwargs)
