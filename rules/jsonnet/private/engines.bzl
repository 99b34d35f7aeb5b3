"""The engines that evaluate programs: a toolchain, the flag that selects it, and the attribute that overrides the flag."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

# The engines by name, the default first.
ENGINES = ["rjsonnet", "gojsonnet", "jsonnet"]

TOOLCHAIN_TYPE = "//rules/jsonnet:toolchain_type"

JsonnetEngineInfo = provider(
    doc = "An engine; the field `jsonnet` of its toolchain.",
    fields = {
        "check": "FilesToRunProvider of the tool that jsonnet_to_json_test runs, for the target platform.",
        "check_runfiles": "runfiles of `check`.",
        "name": "string: the engine's name, a value of `--//rules/jsonnet:engine`.",
        "render": "FilesToRunProvider of the worker that renders, for the execution platform.",
    },
)

_DOC = """Declares an engine with tools of your own.

```
jsonnet_toolchain(
    name = "own",
    check = ":own_check",
    engine = "rjsonnet",
    render = ":own_render",
)

toolchain(
    name = "toolchain",
    toolchain = ":own",
    toolchain_type = "//rules/jsonnet:toolchain_type",
)
```

WORKSPACE registers the toolchain with `register_toolchains`."""

_ATTRS = {
    "check": attr.label(
        mandatory = True,
        executable = True,
        cfg = "target",
        doc = "The tool of jsonnet_to_json_test, with this engine among its files.",
    ),
    "engine": attr.string(
        mandatory = True,
        values = ENGINES,
        doc = "The engine's name.",
    ),
    "render": attr.label(
        mandatory = True,
        executable = True,
        cfg = "exec",
        doc = "The worker, with this engine among its files. It gets `--engine=NAME`, `--timeout=SECONDS` and `--memory=MIB`.",
    ),
}

def _impl(ctx):
    info = JsonnetEngineInfo(
        name = ctx.attr.engine,
        check = ctx.attr.check[DefaultInfo].files_to_run,
        check_runfiles = ctx.attr.check[DefaultInfo].default_runfiles,
        render = ctx.attr.render[DefaultInfo].files_to_run,
    )
    return [info, platform_common.ToolchainInfo(jsonnet = info)]

jsonnet_toolchain = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)

def _check_engine_impl(ctx):
    value = ctx.build_setting_value
    if value not in ENGINES:
        fail("--%s: '%s' is not an engine. Use one of %s." % (ctx.label, value, ", ".join(ENGINES)))
    return [BuildSettingInfo(value = value)]

jsonnet_engine_flag = rule(
    implementation = _check_engine_impl,
    doc = "The flag that selects the engine of the whole build.",
    build_setting = config.string(flag = True),
)

def _limit_impl(ctx):
    value = ctx.build_setting_value
    if value < 1:
        fail("--%s: %d is not a limit. Use a whole number above 0." % (ctx.label, value))
    return [BuildSettingInfo(value = value)]

jsonnet_limit_flag = rule(
    implementation = _limit_impl,
    doc = "A flag that limits one rendering.",
    build_setting = config.int(flag = True),
)

LIMIT_ATTRS = {
    "_memory": attr.label(
        default = "//rules/jsonnet:memory",
        providers = [BuildSettingInfo],
        doc = "The memory limit of the evaluating process, in MiB.",
    ),
    "_timeout": attr.label(
        default = "//rules/jsonnet:timeout",
        providers = [BuildSettingInfo],
        doc = "The time limit of a rendering, in seconds.",
    ),
}

def _chosen(engine):
    """Returns the engine target for the attribute `engine`; a computed default."""
    return Label("//rules/jsonnet:" + engine) if engine else None

ENGINE_ATTRS = dict(
    LIMIT_ATTRS,
    engine = attr.string(
        values = [""] + ENGINES,
        doc = "The engine: `rjsonnet`, `gojsonnet` or `jsonnet`. Empty: the value of `--//rules/jsonnet:engine`.",
    ),
    _engine = attr.label(
        default = _chosen,
        providers = [JsonnetEngineInfo],
        doc = "The engine of the attribute `engine`. None: the toolchain's.",
    ),
)

def engine_of(ctx):
    """Returns the engine of a target.

    Args:
      ctx: Context of a rule with ENGINE_ATTRS and TOOLCHAIN_TYPE.

    Returns:
      A JsonnetEngineInfo.
    """
    return ctx.attr._engine[JsonnetEngineInfo] if ctx.attr._engine else ctx.toolchains[TOOLCHAIN_TYPE].jsonnet

def startup_arguments(ctx, engine):
    """Returns the startup arguments of an engine's worker; the other arguments of a rendering are in its request.

    Args:
      ctx: Context of a rule with LIMIT_ATTRS.
      engine: A JsonnetEngineInfo.

    Returns:
      List of strings.
    """
    return [
        "--engine=" + engine.name,
        "--timeout=%d" % ctx.attr._timeout[BuildSettingInfo].value,
        "--memory=%d" % ctx.attr._memory[BuildSettingInfo].value,
    ]
