"""What the samples and tests of this repository need in addition, for MODULE.bazel."""

load("@bazel_tools//tools/build_defs/repo:local.bzl", "local_repository")
load("//third_party/go:repositories.bzl", "sample_modules")

def _impl(_module_ctx):
    # The library of another repository in rules/jsonnet/examples/external.
    local_repository(
        name = "jsonnet_example",
        path = "rules/jsonnet/examples/external/repository",
    )
    sample_modules()

samples = module_extension(implementation = _impl)
