"""debian_packages: a repository with .deb files, locked by version and checksum."""

load("//rules/common:labels.bzl", "apparent_name")
load("//rules/image/private:repository_tool.bzl", "TOOL_ATTRS", "run_tool")

_DOC = """Downloads Debian packages with the machine's apt-get. Nothing is installed and the machine does not change.

```
debian_packages(
    name = "debian_redis",
    packages = ["redis-server", "redis-tools"],
    lock = "//third_party/debian:redis.lock",
)
```

`@NAME//:debs` is all of the packages, `@NAME//:PACKAGE.deb` is one. Each file is checked against the lock. If the archive no
longer has a locked version, the repository takes apt's newer version with a warning, so that an old checkout still builds. An older
one is an error, because a mirror can show an old state of the archive that is validly signed.

`bazel run //rules/image:update_debian_lock -- NAME` writes the lock; an empty file is enough as the first lock. With
`dependencies = True` the command also locks the dependencies that apt finds. A build downloads only what is locked.
"""

_ATTRS = dict(
    TOOL_ATTRS,
    dependencies = attr.bool(
        doc = """Whether the update command also locks the packages' dependencies. False: only the listed packages.

Dependencies are Depends and Pre-Depends, not Recommends, as apt chooses them if nothing is installed.""",
    ),
    exclude = attr.string_list(
        doc = """With `dependencies`: packages to leave out, such as a shell or debconf. Empty: none.

Packages that only the excluded ones need are left out as well.""",
    ),
    lock = attr.label(
        doc = """The lock file, which the update command writes.

Each line has NAME VERSION ARCHITECTURE SHA256.""",
        allow_single_file = True,
        mandatory = True,
    ),
    packages = attr.string_list(
        doc = "Names of Debian packages. Their dependencies are added only with `dependencies = True`.",
        mandatory = True,
    ),
    without = attr.string_list(
        doc = "Deprecated: the old name of `exclude`. Setting both is an error. Empty: not used.",
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
    if attr.exclude and attr.without:
        fail("@%s: exclude and its old name without are both set. Move all packages to exclude." % apparent_name(repository_ctx.name))
    arguments = ["fetch", apparent_name(repository_ctx.name), repository_ctx.path(attr.lock), "."]
    arguments += ["--dependencies"] if attr.dependencies else []
    arguments += ["--exclude=" + package for package in attr.exclude or attr.without]
    run_tool(repository_ctx, "debian.lock", arguments + attr.packages)
    repository_ctx.file("BUILD", _BUILD)

debian_packages = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "XDG_CACHE_HOME"],
)
