"""go_binary: a Go program."""

load(":compile.bzl", "COMPILE_ATTRS", "SOURCES_ATTRS", "run_go")

_DOC = """Builds a Go program with the Go command, offline, from the modules in go.sum.

```
go_binary(
    name = "server",
    srcs = ["main.go"],
    module = "@go_deps//:module",
    deps = [":guide"],
)
```

The program is static (CGO_ENABLED=0), without the machine's paths (-trimpath) and without version control data, so equal sources
give equal bytes. An error of the compiler names the file in the workspace and the line.

Compiled packages are kept in `~/.cache/turnup/go-build`, outside Bazel's sandbox, so that a change compiles only what depends
on it. Go's cache is addressed by content: an entry's key is a hash of everything that went into it. A sandbox that does not
let the action write there, or another machine, builds without the cache; the result is the same."""

_ATTRS = dict(
    COMPILE_ATTRS,
    data = attr.label_list(
        allow_files = True,
        doc = "Files that the program needs when it runs. Empty: none.",
    ),
    stamp = attr.bool(
        doc = "Replace stamp variables in the values of `x_defs`, such as `{STABLE_COMMIT}`, with their values from Bazel's workspace status.",
    ),
    x_defs = attr.string_dict(
        doc = "String variables that the linker sets, such as `main.version`. Empty: none.",
    ),
    **SOURCES_ATTRS
)

def _impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name)
    run_go(
        ctx,
        out,
        mode = "build",
        status = [ctx.info_file, ctx.version_file] if ctx.attr.stamp else [],
        x_defs = ctx.attr.x_defs,
    )
    return [DefaultInfo(executable = out, files = depset([out]), runfiles = ctx.runfiles([out], collect_data = True))]

go_binary = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
