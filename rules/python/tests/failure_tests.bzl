"""Analysis tests of the error for each wrong use of the Python rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_python//python:defs.bzl", "py_binary")

def _no_main_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, "main: the value is empty, and srcs has no no_main.py. Set main to the file to run.")
    return analysistest.end(env)

_no_main_test = analysistest.make(_no_main_impl, expect_failure = True)

def python_failure_tests(name):
    """Declares the targets that must fail, and the tests of their errors.

    Args:
      name: prefix of the tests.
    """
    native.genrule(
        name = name + "_sources",
        outs = [
            "one.py",
            "two.py",
        ],
        cmd = "touch $(OUTS)",
        tags = ["manual"],
    )
    py_binary(
        name = "no_main",
        srcs = [
            "one.py",
            "two.py",
        ],
        tags = ["manual"],
    )
    _no_main_test(
        name = name + "_no_main_test",
        size = "small",
        target_under_test = ":no_main",
    )
