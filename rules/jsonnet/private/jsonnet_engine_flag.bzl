"""jsonnet_engine_flag: the build setting that selects the engine."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":engines.bzl", "ENGINES")

def _impl(ctx):
    value = ctx.build_setting_value
    if value not in ENGINES:
        fail("--%s: '%s' is not an engine. Use one of %s." % (ctx.label, value, ", ".join(ENGINES)))
    return [BuildSettingInfo(value = value)]

jsonnet_engine_flag = rule(
    implementation = _impl,
    doc = "The flag that selects the engine of the whole build.",
    build_setting = config.string(flag = True),
)
