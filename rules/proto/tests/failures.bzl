"""Analysis tests of the error for each wrong use of the protocol buffer rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/proto:defs.bzl", "py_grpc_library")

def _two_sources_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "srcs has 2 targets, but it takes exactly one. Make one py_grpc_library for each proto_library.")
    return analysistest.end(env)

_two_sources_test = analysistest.make(_two_sources_test_impl, expect_failure = True)

def failure_tests(name):
    """Defines the wrong targets and a suite of their tests.

    Args:
      name: Name of the suite.
    """
    py_grpc_library(
        name = "wrong_two_sources",
        srcs = [
            ":stripped_proto",
            ":well_known_proto",
        ],
        tags = ["manual"],
        deps = [":stripped_py_pb2"],
    )
    _two_sources_test(
        name = "two_sources_fails_test",
        size = "small",
        target_under_test = ":wrong_two_sources",
    )
    native.test_suite(
        name = name,
        tests = [":two_sources_fails_test"],
    )
