"""debian_packages: a repository with .deb files, locked by version and checksum."""

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

_ATTRS = {
    "lock": attr.label(
        doc = "Text file: NAME VERSION ARCHITECTURE SHA256 a line. Written by the update command.",
        allow_single_file = True,
        mandatory = True,
    ),
    "packages": attr.string_list(
        doc = "Names of packages. Their dependencies are not added: an image has what is listed and nothing else.",
        mandatory = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the interpreter to run the tool on.",
        default = "@host_python//:path.txt",
        allow_single_file = True,
    ),
    "_tools": attr.label_list(
        doc = "The program that fetches, first, and the modules it imports.",
        default = [
            "//rules/image/tools:debian_lock.py",
            "//rules/image/tools:apt.py",
            "//rules/image/tools:errors.py",
        ],
        allow_files = True,
    ),
}

_BUILD = """package(default_visibility = ["//visibility:public"])

exports_files(glob(["*.deb"]))

filegroup(
    name = "debs",
    srcs = glob(["*.deb"]),
)
"""

def _impl(repository_ctx):
    tools = [repository_ctx.path(tool) for tool in repository_ctx.attr._tools]

    # The tool imports by the path from the workspace root: rules/image/tools/debian_lock.py.
    workspace = tools[0].dirname.dirname.dirname.dirname
    result = repository_ctx.execute(
        [repository_ctx.read(repository_ctx.attr._python).strip(), "-S", "-B", "-m", "rules.image.tools.debian_lock", "fetch", repository_ctx.name] +
        [repository_ctx.path(repository_ctx.attr.lock), "."] + repository_ctx.attr.packages,
        environment = {"PYTHONPATH": str(workspace)},
        timeout = 1800,
    )
    if result.return_code != 0:
        fail(result.stderr.strip().replace("ERROR: ", ""))
    if result.stdout.strip():
        # buildifier: disable=print
        print("\n" + result.stdout.strip())
    repository_ctx.file("BUILD", _BUILD)

debian_packages = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["HOME", "XDG_CACHE_HOME"],
)
