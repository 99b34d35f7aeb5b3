"""jsonnet_to_json: evaluates a Jsonnet program to JSON, YAML or text files."""

load("//rules/common:worker.bzl", "worker_requirements")
load(":attrs.bzl", "COMMON_ATTRS")
load(":engines.bzl", "TOOLCHAIN_ARGUMENTS", "TOOLCHAIN_TYPE", "engine_of", "startup_arguments")
load(":rendering.bzl", "rendering")

_DOC = """Evaluates a Jsonnet program to JSON, YAML or text files, in a persistent worker.

```
jsonnet_to_json(
    name = "manifests",
    src = "server.jsonnet",
    outs = ["deployment.json", "service.json"],
    tla_code = {"env": "{name: 'dev'}"},
    deps = ["//lib"],
)
```

With one output the program's value is the file. With several outputs, or with
`multiple_outputs`, it is an object with one field for each file. Exactly one of `outs` and
`out_dir` must be set. If evaluation fails, no file is written.

Every file that an import reaches is an input: a change of any of them renders again. An
import of a file that is not declared fails."""

_ATTRS = dict(
    COMMON_ATTRS,
    outs = attr.output_list(
        doc = "The files to write. Empty: `out_dir` is used.",
    ),
)

def _check(ctx):
    """Fails if the output attributes conflict."""
    if bool(ctx.attr.outs) == bool(ctx.attr.out_dir):
        found = "both outs and out_dir are" if ctx.attr.outs else "neither outs nor out_dir is"
        fail("%s: %s set. Set either outs (files) or out_dir (a folder)." % (ctx.label, found))
    if ctx.attr.yaml_stream and (len(ctx.attr.outs) != 1 or ctx.attr.multiple_outputs):
        fail("%s: yaml_stream writes one file. Use one entry in outs and remove multiple_outputs." % ctx.label)

def _impl(ctx):
    _check(ctx)
    engine = engine_of(ctx)
    spec = rendering(ctx, short = False)
    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add_all(spec.arguments)
    if ctx.attr.out_dir:
        outputs = [ctx.actions.declare_directory(ctx.attr.out_dir)]
        args.add(outputs[0].path, format = "--out_dir=%s")
    else:
        outputs = ctx.outputs.outs
        args.add_all(outputs, format_each = "--out=%s")
    if ctx.attr.out_dir or ctx.attr.multiple_outputs or len(outputs) > 1:
        args.add("--multiple")
    args.add_all(spec.importable, format_each = "--input=%s")
    ctx.actions.run(
        executable = engine.render,
        arguments = startup_arguments(ctx, engine) + [args],
        inputs = spec.inputs,
        outputs = outputs,
        mnemonic = "Jsonnet",
        progress_message = "Rendering Jsonnet %s" % ctx.label,
        use_default_shell_env = spec.uses_env,
        execution_requirements = worker_requirements(ctx, outputs[0]),
    )
    return [DefaultInfo(files = depset(outputs), runfiles = ctx.runfiles(files = outputs)), spec]

jsonnet_to_json = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    toolchains = [TOOLCHAIN_TYPE],
    **TOOLCHAIN_ARGUMENTS
)
