"""Analysis test of the settings for the libraries that generated Python runs with."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_python//python:defs.bzl", "py_library")
load("@rules_python//python:py_info.bzl", "PyInfo")

def _runtime_test_impl(ctx):
    env = analysistest.begin(ctx)
    imports = analysistest.target_under_test(env)[PyInfo].imports.to_list()
    for name in ["own_protobuf", "own_grpc"]:
        asserts.true(env, [path for path in imports if path.endswith("/" + name)] != [], name + " is not imported")
    asserts.equals(env, [], [path for path in imports if "turnup_pip" in path])
    return analysistest.end(env)

_runtime_test = analysistest.make(
    _runtime_test_impl,
    config_settings = {
        "//rules/python/runtime:grpc": "//rules/proto/tests:own_grpc",
        "//rules/python/runtime:protobuf": "//rules/proto/tests:own_protobuf",
    },
)

def runtime_test(name, target):
    """Defines libraries that replace the runtime, and the test that a target then has them and nothing of @turnup_pip.

    Args:
      name: name of the test.
      target: label of a py_grpc_library.
    """
    for library in ["own_grpc", "own_protobuf"]:
        py_library(
            name = library,
            imports = [library],
            tags = ["manual"],
        )
    _runtime_test(
        name = name,
        size = "small",
        target_under_test = target,
    )
