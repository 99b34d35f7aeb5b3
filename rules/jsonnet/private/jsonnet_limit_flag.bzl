"""jsonnet_limit_flag: a build setting that limits the time or memory of a rendering."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")

def _impl(ctx):
    value = ctx.build_setting_value
    if value < 1:
        fail("--%s: %d is not a limit. Use a whole number above 0." % (ctx.label, value))
    return [BuildSettingInfo(value = value)]

jsonnet_limit_flag = rule(
    implementation = _impl,
    doc = "A flag that limits one rendering.",
    build_setting = config.int(flag = True),
)
