"""go_test: the tests of a Go package."""

load("//rules/common:labels.bzl", "repository_name")
load("//rules/common:runfiles.bzl", "runfiles_path")
load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")
load(":compile.bzl", "COMPILE_ATTRS", "SOURCES_ATTRS", "run_go")

_DOC = """Runs the tests of a Go package; `go vet` checks the package first, as `go test` does.

```
go_test(
    name = "guide_test",
    size = "small",
    srcs = ["guide_test.go"],
    module = "@go_deps//:module",
    deps = [":guide"],
)
```

The tests run in the package's folder in runfiles, so that they find `testdata`. The XML for Bazel has each test case;
`--test_filter` is Go's `-run`. A package without a test case fails."""

_ATTRS = dict(
    COMPILE_ATTRS,
    data = attr.label_list(
        allow_files = True,
        doc = "Files that the tests read or run. Empty: none.",
    ),
    env = attr.string_dict(
        doc = "Environment variables. `$(rootpath TARGET)` is the path of a file in `data` below the workspace's folder in runfiles. Empty: none.",
    ),
    _main = attr.label(
        default = Label("//rules/go/tools:test_main"),
        executable = True,
        cfg = "target",
        doc = "The program that runs the tests and writes the XML.",
    ),
    _launcher = attr.label(
        default = Label("//rules/go/tools:launcher.sh.tpl"),
        allow_single_file = True,
        doc = "The template of the script that starts it.",
    ),
    **SOURCES_ATTRS
)

def _impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name + ".test")
    run_go(ctx, program, mode = "test")
    main = ctx.attr._main[DefaultInfo]
    launcher = ctx.actions.declare_file(ctx.label.name)
    exports = ["export %s=%s" % (name, shell_word(ctx.expand_location(value, ctx.attr.data))) for name, value in ctx.attr.env.items()]
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        substitutions = {
            "%{exports}": "\n".join(exports),
            "%{folder}": in_double_quotes("%s/%s" % (repository_name(ctx.label) or ctx.workspace_name, ctx.label.package)),
            "%{main}": in_double_quotes(runfiles_path(ctx, main.files_to_run.executable)),
            "%{program}": in_double_quotes(runfiles_path(ctx, program)),
        },
        is_executable = True,
    )
    runfiles = ctx.runfiles([program], collect_data = True).merge(main.default_runfiles).merge(ctx.runfiles(ctx.files.srcs + ctx.files.embedsrcs))
    return [DefaultInfo(executable = launcher, runfiles = runfiles)]

go_test = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    test = True,
)
