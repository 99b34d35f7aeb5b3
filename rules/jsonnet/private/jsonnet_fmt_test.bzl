"""jsonnet_fmt_test: checks the format of files."""

load(":source_test.bzl", "SOURCE_TEST_ATTRS", "source_test")

def _impl(ctx):
    return source_test(ctx, ["check"], depset())

jsonnet_fmt_test = rule(
    implementation = _impl,
    doc = "Fails if `bazel run //rules/jsonnet:fmt` would change a file.",
    attrs = SOURCE_TEST_ATTRS,
    test = True,
)
