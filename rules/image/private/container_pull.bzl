"""container_pull: a repository with an image from a registry."""

load("//rules/common:labels.bzl", "apparent_name", "full_label")
load("//rules/image/private:repository_tool.bzl", "TOOL_ATTRS", "run_tool")
load("//rules/image/private:unsupported.bzl", "check_arguments")

_DOC = """Pulls an image and makes it available as `@NAME//image`.

```
container_pull(
    name = "alpine",
    registry = "registry.example.com",
    repository = "library/alpine",
    digest = "sha256:…",
)
```

Other labels are `@NAME//image:image.tar`, for `docker load`, `:digest`, `:config.json` and `:manifest.json`.

A pull by digest always gives the same image: manifest, config and layers are checked against their digests. They are cached
by digest in `~/.cache/turnup`, so that a second workspace, or a second image with the same layers, downloads nothing.

If the registry asks for a login, the pull uses the one that `docker login` stored.
"""

# Attributes of every repository rule.
COMMON = ["repo_mapping"]

PLATFORM_ATTRS = {
    "architecture": attr.string(
        doc = """The architecture to take from a multi-platform image, as OCI names it.

An image for a single other architecture fails the pull.""",
        default = "amd64",
    ),
    "os": attr.string(
        doc = """The operating system to take from a multi-platform image.

An image for a single other operating system fails the pull.""",
        default = "linux",
    ),
}

_ATTRS = dict(
    TOOL_ATTRS,
    cpu_variant = attr.string(
        doc = "The variant of the architecture, such as `v7`. Empty: any; the newest if there are several.",
    ),
    digest = attr.string(
        doc = """The digest of the manifest, or of the index of a multi-platform image. Empty: the tag's present image, with a warning.

The warning gives the digest to write here.""",
    ),
    insecure = attr.bool(
        doc = "Use plain HTTP. Registries on loopback addresses use it in any case.",
    ),
    registry = attr.string(
        doc = "The registry, `HOST` or `HOST:PORT`; `docker.io` is Docker Hub.",
        mandatory = True,
    ),
    repository = attr.string(
        doc = "The repository in the registry.",
        mandatory = True,
    ),
    tag = attr.string(
        doc = "The image's tag. Empty: latest. With `digest` it is only a note for readers.",
    ),
    **PLATFORM_ATTRS
)

_RULE = '''"""The rule of this image."""

load("%s", _imported_image = "imported_image")

imported_image = _imported_image
'''

def _impl(repository_ctx):
    attr = repository_ctx.attr
    run_tool(repository_ctx, "pull.pull", [apparent_name(repository_ctx.name), attr.registry, attr.repository, attr.digest, attr.tag, attr.architecture, attr.os, attr.cpu_variant, str(attr.insecure)])

    # The BUILD file loads the rule from here, because only a label that Bazel made names this repository of the rules.
    repository_ctx.file("image/imported_image.bzl", _RULE % full_label(Label("//rules/image/private:imported_image.bzl")))

container_pull_rule = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["DOCKER_CONFIG", "HOME", "XDG_CACHE_HOME"],
)

def container_pull(name, **kwargs):
    """Pulls an image and makes it available as `@NAME//image`.

    Args:
      name: the repository's name.
      **kwargs: attributes of the repository rule.
    """
    check_arguments("@" + name, kwargs, "container_pull", list(_ATTRS) + COMMON)
    container_pull_rule(name = name, **kwargs)
