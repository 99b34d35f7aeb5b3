"""The files of a release, for MODULE.bazel."""

load("//release:source.bzl", "release_source")

def _impl(_module_ctx):
    release_source(name = "turnup_source")

release = module_extension(implementation = _impl)
