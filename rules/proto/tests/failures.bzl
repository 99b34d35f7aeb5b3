"""Analysis tests of the error for each wrong use of the protocol buffer rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_proto//proto:defs.bzl", "proto_library")
load("//rules/proto:defs.bzl", "cc_proto_library", "go_proto_library", "java_grpc_library", "py_grpc_library")

def _two_sources_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "srcs has 2 targets, but it takes exactly one. Make one py_grpc_library for each proto_library.")
    return analysistest.end(env)

_two_sources_test = analysistest.make(_two_sources_test_impl, expect_failure = True)

def _two_java_sources_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "srcs has 2 targets, but it takes exactly one. Make one java_grpc_library for each proto_library.")
    return analysistest.end(env)

_two_java_sources_test = analysistest.make(_two_java_sources_test_impl, expect_failure = True)

def _stripped_cc_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "C++ includes generated headers by the path inner/dash-name.proto, which is not below the package rules/proto/tests. Move the target to the package of //rules/proto/tests:stripped_proto, without strip_import_prefix.")
    return analysistest.end(env)

_stripped_cc_test = analysistest.make(_stripped_cc_test_impl, expect_failure = True)

def _same_name_go_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "rules/proto/tests/same/well_known.proto and rules/proto/tests/well_known.proto have the same name, but a Go package is one folder. Make a go_proto_library for each.")
    return analysistest.end(env)

_same_name_go_test = analysistest.make(_same_name_go_test_impl, expect_failure = True)

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
    java_grpc_library(
        name = "wrong_two_java_sources",
        srcs = [
            ":stripped_proto",
            ":well_known_proto",
        ],
        tags = ["manual"],
        deps = [],
    )
    _two_java_sources_test(
        name = "two_java_sources_fails_test",
        size = "small",
        target_under_test = ":wrong_two_java_sources_sources",
    )
    cc_proto_library(
        name = "wrong_stripped_cc",
        proto = ":stripped_proto",
        tags = ["manual"],
    )
    _stripped_cc_test(
        name = "stripped_cc_fails_test",
        size = "small",
        target_under_test = ":wrong_stripped_cc.generated",
    )
    proto_library(
        name = "same_name_proto",
        srcs = [
            "same/well_known.proto",
            "well_known.proto",
        ],
        tags = ["manual"],
        deps = [
            "//rules/proto:any_proto",
            "//rules/proto:empty_proto",
            "//rules/proto:field_mask_proto",
            "//rules/proto:struct_proto",
            "//rules/proto:wrappers_proto",
        ],
    )
    go_proto_library(
        name = "wrong_same_name_go",
        importpath = "example.com/x",
        proto = ":same_name_proto",
        tags = ["manual"],
    )
    _same_name_go_test(
        name = "same_name_go_fails_test",
        size = "small",
        target_under_test = ":wrong_same_name_go",
    )
    native.test_suite(
        name = name,
        tests = [
            ":same_name_go_fails_test",
            ":stripped_cc_fails_test",
            ":two_java_sources_fails_test",
            ":two_sources_fails_test",
        ],
    )
