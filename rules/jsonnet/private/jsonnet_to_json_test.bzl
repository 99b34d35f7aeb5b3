"""jsonnet_to_json_test: compares what a program evaluates to, or how it fails."""

load(":attrs.bzl", "COMMON_ATTRS")
load(":engines.bzl", "TOOLCHAIN_TYPE", "engine_of", "startup_arguments")
load(":rendering.bzl", "rendering")

_DOC = """Evaluates a program when the test runs and compares the result.

```
jsonnet_to_json_test(
    name = "server_test",
    src = "server.jsonnet",
    golden = "server_golden.json",
    deps = ["//lib"],
)
```
`bazel run :server_test -- --update` rewrites the golden file, if it is a source. For a program that
must fail, `error = 1` and a golden of the message (with `regex`, a pattern that
must occur in it)."""

_ATTRS = dict(
    COMMON_ATTRS,
    canonicalize_golden = attr.bool(
        default = True,
        doc = "Evaluate and print the golden file before comparing, so that its formatting does not matter. Not done for an expected error, a regex or a yaml_stream.",
    ),
    error = attr.int(
        default = 0,
        doc = "The exit code to expect: 0, or 1 for a program that must fail.",
    ),
    golden = attr.label(
        allow_single_file = True,
        doc = "What the program must print: its value, or its message where error is not 0. None: only the exit code is checked.",
    ),
    output_file_contents = attr.bool(
        default = True,
        doc = "Show the whole output, and not only the differences, when the test fails.",
    ),
    outs = attr.string_list(
        doc = "File names that the program must produce, as in jsonnet_to_json. Empty: not checked.",
    ),
    regex = attr.bool(
        doc = "The golden file is a Python regular expression that must occur in the output; case is ignored, `.` is any character, a newline too.",
    ),
)

# Only starts the tool: its own folder is the runfiles folder of the test.
_LAUNCHER = """#!/bin/sh
exec "./{tool}" "@{parameters}" "$@"
"""

def _short_path(file):
    return file.short_path

def _impl(ctx):
    if ctx.attr.error not in [0, 1]:
        fail("%s: error is %d; give 0 for a program that must work or 1 for one that must fail" % (ctx.label, ctx.attr.error))
    if ctx.attr.regex and not ctx.file.golden:
        fail("%s: regex needs a golden file that holds the pattern; add golden" % ctx.label)
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
        _LAUNCHER.format(tool = engine.check.executable.short_path, parameters = parameters.short_path),
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
    incompatible_use_toolchain_transition = True,
    test = True,
    toolchains = [TOOLCHAIN_TYPE],
)
