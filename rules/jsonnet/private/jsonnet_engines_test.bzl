"""jsonnet_engines_test: renders the programs of a package with every engine and compares the values."""

load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")
load("//rules/common:worker.bzl", "worker_requirements")
load(":engines.bzl", "ENGINES", "JsonnetEngineInfo", "LIMIT_ATTRS", "startup_arguments")
load(":providers.bzl", "JsonnetProgramInfo")

_DOC = """Renders programs with every engine, with the parameters of their targets, and compares the values.

A program that must fail must fail with every engine."""

_ATTRS = dict(
    LIMIT_ATTRS,
    targets = attr.label_list(
        mandatory = True,
        providers = [JsonnetProgramInfo],
        doc = "The jsonnet_to_json and jsonnet_to_json_test targets to render. The macro uses all of the package.",
    ),
    _compare = attr.label(
        default = Label("//rules/jsonnet/tools:compare"),
        executable = True,
        cfg = "target",
        doc = "The tool that compares.",
    ),
    _engines = attr.label_list(
        default = [Label("//rules/jsonnet:" + engine) for engine in ENGINES],
        providers = [JsonnetEngineInfo],
        doc = "The engines.",
    ),
)

# Only starts the tool. The working directory is the runfiles folder of the test.
_LAUNCHER = """#!/bin/sh
exec "./{tool}" {outcomes}
"""

def _outcome(ctx, target, engine):
    """Declares the file with the result of one engine for one target's program."""
    program = target[JsonnetProgramInfo]
    outcome = ctx.actions.declare_file("%s.%s.%s.json" % (ctx.label.name, target.label.name, engine.name))
    args = ctx.actions.args()
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add_all(program.arguments)
    args.add(outcome, format = "--outcome=%s")
    args.add_all(program.importable, format_each = "--input=%s")
    ctx.actions.run(
        executable = engine.render,
        arguments = startup_arguments(ctx, engine) + [args],
        inputs = program.inputs,
        outputs = [outcome],
        mnemonic = "JsonnetOutcome",
        progress_message = "Rendering Jsonnet %s with %s" % (target.label, engine.name),
        use_default_shell_env = program.uses_env,
        execution_requirements = worker_requirements(ctx, outcome),
    )
    return outcome

def _impl(ctx):
    outcomes = [
        _outcome(ctx, target, engine[JsonnetEngineInfo])
        for target in ctx.attr.targets
        for engine in ctx.attr._engines
    ]
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            outcomes = " ".join([shell_word(outcome.short_path) for outcome in outcomes]),
            tool = in_double_quotes(ctx.executable._compare.short_path),
        ),
        is_executable = True,
    )
    return [DefaultInfo(
        executable = launcher,
        runfiles = ctx.runfiles(files = outcomes).merge(ctx.attr._compare[DefaultInfo].default_runfiles),
    )]

_jsonnet_engines_test = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    test = True,
)

def jsonnet_engines_test(name, **kwargs):
    """Renders every program of the package with every engine and compares the values.

    ```
    jsonnet_engines_test(name = "engines_test")
    ```

    It must be last in the BUILD file. A `.jsonnet` file that no target renders is an error.

    Args:
      name: Name of the test.
      **kwargs: Attributes of all tests, such as size and tags.
    """
    rules = [
        rule
        for rule in native.existing_rules().values()
        if rule["kind"] in ["jsonnet_to_json", "jsonnet_to_json_test"]
    ]
    package = "//%s:" % native.package_name()
    sources = {rule["src"].replace(package, ":", 1): None for rule in rules}
    for program in native.glob(["**/*.jsonnet"], allow_empty = True):
        if ":" + program not in sources:
            fail("//%s:%s: no target above renders %s. Add a jsonnet_to_json or jsonnet_to_json_test for it." % (native.package_name(), name, program))
    _jsonnet_engines_test(
        name = name,
        testonly = True,
        targets = [":" + rule["name"] for rule in rules],
        **dict({"size": "small"}, **kwargs)
    )
