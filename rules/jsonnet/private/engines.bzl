"""The engines that evaluate programs: a toolchain, the flag that selects it, and the attribute that overrides the flag."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

# The engines by name, the default first.
ENGINES = ["gojsonnet", "rjsonnet", "jsonnet"]

# Text, because Bazel 4 takes no Label here; of a Label, so that it names this repository wherever it is loaded.
TOOLCHAIN_TYPE = str(Label("//rules/jsonnet:toolchain_type"))

# Arguments of a rule with this toolchain: Bazel 4 would give it the flags of the execution platform, where every flag of a rule
# set has its default. Newer versions do without the argument, and Bazel 9 does not have it. Only they write `@@` into a label.
TOOLCHAIN_ARGUMENTS = {} if TOOLCHAIN_TYPE.startswith("@@") else {"incompatible_use_toolchain_transition": True}

JsonnetEngineInfo = provider(
    doc = "An engine; the field `jsonnet` of its toolchain.",
    fields = {
        "check": "FilesToRunProvider of the tool that jsonnet_to_json_test runs, for the target platform.",
        "check_runfiles": "runfiles of `check`.",
        "name": "string: the engine's name, a value of `--//rules/jsonnet:engine`.",
        "render": "FilesToRunProvider of the worker that renders, for the execution platform.",
    },
)

LIMIT_ATTRS = {
    "_memory": attr.label(
        default = Label("//rules/jsonnet:memory"),
        providers = [BuildSettingInfo],
        doc = "The memory limit of the evaluating process, in MiB.",
    ),
    "_timeout": attr.label(
        default = Label("//rules/jsonnet:timeout"),
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
        doc = "The engine: `gojsonnet`, `rjsonnet` or `jsonnet`. Empty: the value of `--//rules/jsonnet:engine`.",
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
