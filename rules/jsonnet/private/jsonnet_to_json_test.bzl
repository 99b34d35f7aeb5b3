"""jsonnet_to_json_test: compares the value or the error of a program with a golden file."""

load("//rules/common:shell.bzl", "in_double_quotes")
load(":attrs.bzl", "COMMON_ATTRS")
load(":engines.bzl", "TOOLCHAIN_ARGUMENTS", "TOOLCHAIN_TYPE", "engine_of", "startup_arguments")
load(":rendering.bzl", "rendering")

_DOC = """Evaluates a program and compares its value or its error with a golden file.

```
jsonnet_to_json_test(
    name = "server_test",
    src = "server.jsonnet",
    golden = "server_golden.json",
    deps = ["//lib"],
)
```

`bazel run :server_test -- --update` rewrites the golden file if it is a source file of this workspace.
For a program that must fail, set `error = 1` and use a golden file with the message, or with a pattern
if `regex` is set. `outs` are names to check, not files."""

_ATTRS = dict(
    COMMON_ATTRS,
    canonicalize_golden = attr.bool(
        default = True,
        doc = """Whether to evaluate and print the golden file before comparing, so that its formatting does not matter.

It has no effect for an expected error, a regex or a yaml_stream.""",
    ),
    error = attr.int(
        default = 0,
        doc = "The expected exit code: 0, or 1 for a program that must fail.",
    ),
    golden = attr.label(
        allow_single_file = True,
        doc = "The expected value of the program, or its message if `error` is 1. None: only the exit code is checked.",
    ),
    output_file_contents = attr.bool(
        default = True,
        doc = "Whether a failing test shows the whole output and not only the differences.",
    ),
    outs = attr.string_list(
        doc = "The file names that the program must produce, as in jsonnet_to_json. Empty: not checked.",
    ),
    regex = attr.bool(
        doc = "Whether the golden file is a Python regular expression to search in the output. It ignores case; `.` also matches a newline.",
    ),
)

# Only starts the tool. The working directory is the runfiles folder of the test.
_LAUNCHER = """#!/bin/sh
exec "./{tool}" "@{parameters}" "$@"
"""

def _short_path(file):
    return file.short_path

def _impl(ctx):
    if ctx.attr.error not in [0, 1]:
        fail("%s: error is %d. Use 0 for a program that must succeed, or 1 for one that must fail." % (ctx.label, ctx.attr.error))
    if ctx.attr.regex and not ctx.file.golden:
        fail("%s: regex is set, but golden is not. Set golden to a file with the pattern." % ctx.label)
    engine = engine_of(ctx)
    spec = rendering(ctx, short = True)
    args = ctx.actions.args()
    args.set_param_file_format("multiline")
    args.add_all(startup_arguments(ctx, engine))
    args.add_all(spec.arguments)
    args.add_all(spec.importable, map_each = _short_path, format_each = "--input=%s")
    args.add_all(ctx.attr.outs, format_each = "--out=%s")
    args.add(ctx.attr.error, format = "--error=%s")
    files = []
    if ctx.attr.multiple_outputs or ctx.attr.out_dir or len(ctx.attr.outs) > 1:
        args.add("--multiple")
    if ctx.file.golden:
        files.append(ctx.file.golden)
        args.add(ctx.file.golden.short_path, format = "--golden=%s")
        if not ctx.file.golden.is_source:
            args.add(ctx.file.golden.owner, format = "--golden_target=%s")
    if ctx.attr.regex:
        args.add("--regex")
    if ctx.attr.canonicalize_golden:
        args.add("--canonicalize")
    if ctx.attr.output_file_contents:
        args.add("--show_output")
    parameters = ctx.actions.declare_file(ctx.label.name + ".params")
    ctx.actions.write(parameters, args)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(tool = in_double_quotes(engine.check.executable.short_path), parameters = in_double_quotes(parameters.short_path)),
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = files + [parameters], transitive_files = spec.inputs)
    return [
        DefaultInfo(
            executable = launcher,
            runfiles = runfiles.merge(engine.check_runfiles),
        ),
        rendering(ctx, short = False),
    ]

jsonnet_to_json_test = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    test = True,
    toolchains = [TOOLCHAIN_TYPE],
    **TOOLCHAIN_ARGUMENTS
)
