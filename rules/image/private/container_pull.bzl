"""container_pull: a repository with an image from a registry."""

load("//rules/image/private:unsupported.bzl", "check_arguments")
load("//rules/image/private:repository_tool.bzl", "TOOL_ATTRS", "run_tool")

_DOC = """Pulls an image; `@NAME//image` is it.

By digest nothing can change: manifest, config and layers are checked against it, and kept in ~/.cache/turnup by their
digests, so that a second workspace, or a second image with the same layers, fetches nothing.

```
container_pull(
    name = "alpine",
    registry = "registry.example.com",
    repository = "library/alpine",
    digest = "sha256:…",
)
```

A registry that wants a login gets the one that `docker login` stored.
"""

# Attributes that every repository has.
COMMON = ["repo_mapping"]

PLATFORM_ATTRS = {
    "architecture": attr.string(
        doc = "Which image of a multi-platform one to take, in OCI's words.",
        default = "amd64",
    ),
    "os": attr.string(
        doc = "Which operating system's image of a multi-platform one to take.",
        default = "linux",
    ),
}

_ATTRS = dict(
    TOOL_ATTRS,
    cpu_variant = attr.string(
        doc = "Variant of the architecture, such as v7. Empty: any, the newest of several.",
    ),
    digest = attr.string(
        doc = "Digest of the manifest, or of the index of a multi-platform image. Empty: what the tag is today, with a warning.",
    ),
    insecure = attr.bool(
        doc = "Speak plain HTTP. Loopback registries are spoken to so without being asked.",
    ),
    registry = attr.string(
        doc = "HOST or HOST:PORT.",
        mandatory = True,
    ),
    repository = attr.string(
        doc = "The repository in the registry.",
        mandatory = True,
    ),
    tag = attr.string(
        doc = "The image's name in the repository; with a digest it says only what the digest was. Empty: latest.",
    ),
    **PLATFORM_ATTRS
)

def _impl(repository_ctx):
    attr = repository_ctx.attr
    run_tool(repository_ctx, "pull", [repository_ctx.name, attr.registry, attr.repository, attr.digest, attr.tag, attr.architecture, attr.os, attr.cpu_variant, str(attr.insecure)])

container_pull_rule = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["DOCKER_CONFIG", "HOME", "XDG_CACHE_HOME"],
)

def container_pull(name, **kwargs):
    """Pulls an image; see the rule's text above and its attributes.

    Args:
      name: the repository's name.
      **kwargs: the rule's attributes.
    """
    check_arguments("@" + name, kwargs, "container_pull", list(_ATTRS) + COMMON)
    container_pull_rule(name = name, **kwargs)
