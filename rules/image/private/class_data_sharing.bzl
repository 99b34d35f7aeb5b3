"""The build setting that switches archives of shared classes."""

_DOC = """Whether images of Java programs get an archive of shared classes, unless their rule says so itself.

`bazel build --//rules/image:class_data_sharing=false` saves the seconds that an archive takes after each change of a class, in
a loop of edits. Programs then start more slowly, and images have other digests.
"""

SharingInfo = provider(
    doc = "Whether images of Java programs get an archive of shared classes.",
    fields = {"enabled": "bool."},
)

def _impl(ctx):
    return [SharingInfo(enabled = ctx.build_setting_value)]

class_data_sharing = rule(
    implementation = _impl,
    doc = _DOC,
    build_setting = config.bool(flag = True),
)
