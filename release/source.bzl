"""release_source: the files of this repository that a release holds, for //release."""

_DOC = """Links the files that release/contents.py chooses, and reads Turnup's version.

A release has files of every package, and no target can have those. Bazel follows the links, so a changed file makes a new archive. Bazel
lists the files again when its server starts: `bazel run //:release` says so if files were added since.
"""

_ATTRS = {
    "_contents": attr.label(
        doc = "The program that chooses the files.",
        default = Label("//release:contents.py"),
        allow_single_file = True,
    ),
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
    "_version": attr.label(
        doc = "The file that has the version.",
        default = Label("//cli/common:workspace.py"),
        allow_single_file = True,
    ),
}

_BUILD = """exports_files(["version.bzl"])

filegroup(
    name = "files",
    srcs = glob(["files/**"]),
    visibility = ["//visibility:public"],
)
"""

def _impl(repository_ctx):
    contents = repository_ctx.path(repository_ctx.attr._contents)
    repository_ctx.path(repository_ctx.attr._version)
    result = repository_ctx.execute([repository_ctx.read(repository_ctx.attr._python), "-IS", contents, contents.dirname.dirname, "files"])
    if result.return_code != 0:
        fail("release/contents.py: " + result.stderr.strip())
    repository_ctx.file("version.bzl", '"""The version that cli/common/workspace.py has."""\n\nVERSION = "%s"\n' % result.stdout.strip())
    repository_ctx.file("BUILD", _BUILD)

release_source = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    local = True,
)
