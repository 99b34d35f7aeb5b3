"""Analysis test of the fields of JsonnetLibraryInfo."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/jsonnet:defs.bzl", "JsonnetLibraryInfo", "jsonnet_library")

_PACKAGE = "rules/jsonnet/tests"

def _provider_test_impl(ctx):
    env = analysistest.begin(ctx)
    info = analysistest.target_under_test(env)[JsonnetLibraryInfo]
    asserts.equals(env, [_PACKAGE + "/top", _PACKAGE, _PACKAGE + "/base"], info.imports.to_list())
    asserts.equals(env, [_PACKAGE + "/top", _PACKAGE, _PACKAGE + "/base"], info.short_imports.to_list())
    asserts.equals(
        env,
        ["main.jsonnet", "other.libsonnet"],
        sorted([file.basename for file in info.transitive_jsonnet_files.to_list()]),
    )
    return analysistest.end(env)

_provider_test = analysistest.make(_provider_test_impl)

def provider_test(name):
    """Checks that a library passes on the imports and files of its dependencies, after its own.

    Args:
      name: Name of the test.
    """
    jsonnet_library(
        name = "provider_base",
        srcs = ["other.libsonnet"],
        imports = ["base"],
        tags = ["manual"],
    )
    jsonnet_library(
        name = "provider_top",
        srcs = ["main.jsonnet"],
        imports = [
            "top",
            ".",
        ],
        tags = ["manual"],
        deps = [":provider_base"],
    )
    _provider_test(
        name = name,
        size = "small",
        target_under_test = ":provider_top",
    )
