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

`bazel run //rules/image:update_debian_lock -- NAME` writes the lock (it may be empty before). With `dependencies = True` it
locks what the packages need too, as apt finds it; a build only fetches what is locked.
"""

_ATTRS = dict(
    TOOL_ATTRS,
    dependencies = attr.bool(
        doc = """Whether the update command also locks what the packages depend on, and that on (Depends and Pre-Depends, not
Recommends), as apt would choose it where nothing is installed. False: an image has what is listed and nothing else.""",
    ),
    lock = attr.label(
        doc = "Text file: NAME VERSION ARCHITECTURE SHA256 a line. Written by the update command.",
        allow_single_file = True,
        mandatory = True,
    ),
    packages = attr.string_list(
        doc = "Names of packages. What they depend on is added only with dependencies = True.",
        mandatory = True,
    ),
    without = attr.string_list(
        doc = "With dependencies: names of packages to leave out, such as a shell or debconf; what only they need is left out too. Empty: none.",
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
    attr = repository_ctx.attr
    arguments = ["fetch", repository_ctx.name, repository_ctx.path(attr.lock), "."]
    arguments += ["--dependencies"] if attr.dependencies else []
    arguments += ["--without=" + package for package in attr.without]
    run_tool(repository_ctx, "debian.lock", arguments + attr.packages)
    repository_ctx.file("BUILD", _BUILD)

debian_packages = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "XDG_CACHE_HOME"],
)
