"""debian_packages: a repository with .deb files, locked by version and checksum."""

load("//rules/image/private:repository_tool.bzl", "TOOL_ATTRS", "run_tool")

_DOC = """Fetches Debian packages with the machine's apt-get download; nothing is installed and nothing of the machine changes.

`@NAME//:debs` is all of them, `@NAME//:PACKAGE.deb` is one. Each file is checked against the lock. Where the archive has
dropped a locked version, apt's current one is used with a warning, so that an old checkout still builds.

```
debian_packages(
    name = "debian_redis",
    packages = ["redis-server", "redis-tools"],
    lock = "//third_party/debian:redis.lock",
)
```

`bazel run //rules/image:update_debian_lock -- NAME` writes the lock (it may be empty before).
"""

_ATTRS = dict(
    TOOL_ATTRS,
    lock = attr.label(
        doc = "Text file: NAME VERSION ARCHITECTURE SHA256 a line. Written by the update command.",
        allow_single_file = True,
        mandatory = True,
    ),
    packages = attr.string_list(
        doc = "Names of packages. Their dependencies are not added: an image has what is listed and nothing else.",
        mandatory = True,
    ),
)

_BUILD = """package(default_visibility = ["//visibility:public"])

exports_files(glob(["*.deb"]))

filegroup(
    name = "debs",
    srcs = glob(["*.deb"]),
)
"""

def _impl(repository_ctx):
    arguments = ["fetch", repository_ctx.name, repository_ctx.path(repository_ctx.attr.lock), "."]
    run_tool(repository_ctx, "debian_lock", arguments + repository_ctx.attr.packages)
    repository_ctx.file("BUILD", _BUILD)

debian_packages = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "XDG_CACHE_HOME"],
)
