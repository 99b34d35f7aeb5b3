"""Analysis tests of the error for each wrong use of the Java rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/java:defs.bzl", "java_binary", "java_library", "java_test")

def _impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_failure_test = analysistest.make(
    _impl,
    attrs = {"message": attr.string(doc = "A part of the error.", mandatory = True)},
    expect_failure = True,
)

# Name of the wrong target to (rule, its attributes, a part of the error).
_CASES = {
    "binary_deps": (
        java_binary,
        {"deps": [":some"], "main_class": "x.Main"},
        "deps is set, but srcs is empty. Move the labels to runtime_deps, or add srcs.",
    ),
    "binary_main": (
        java_binary,
        {"srcs": ["Some.java"]},
        "main_class is empty, and srcs has no wrong_binary_main.java below a folder java, javatests or src/main/java. " +
        "Set main_class to the class with the main method.",
    ),
    "javacopts_file": (
        java_library,
        {"javacopts": ["@options"], "srcs": ["Some.java"]},
        "javacopts has @options, but a file of options cannot be read here. Write the options into the list.",
    ),
    "library_deps": (
        java_library,
        {"deps": [":some"]},
        "deps is set, but srcs is empty. Move the labels to exports or runtime_deps, or add srcs.",
    ),
    "resource_prefix": (
        java_library,
        {"resource_strip_prefix": "other/folder", "resources": ["Some.java"]},
        "resource_strip_prefix is \"other/folder\", but rules/java/tests/Some.java is not below it. " +
        "Set it to a folder above all resources, from the workspace root.",
    ),
    "test_class": (
        java_test,
        {"srcs": ["Some.java"]},
        "test_class is empty, and srcs has no wrong_test_class.java below a folder java, javatests or src/test/java. " +
        "Set test_class to the class with the tests.",
    ),
    "test_main": (
        java_test,
        {"main_class": "x.Main", "srcs": ["Some.java"]},
        "main_class is set, but the test runner is the main class. Set test_class, or use_testrunner = False.",
    ),
    "test_runner": (
        java_test,
        {"srcs": ["Some.java"], "use_testrunner": False},
        "use_testrunner is False, but main_class is empty. Set main_class to the class to run.",
    ),
}

def failure_tests(name):
    """Declares the targets that must fail, and the tests of their errors.

    Args:
      name: name of the suite of the tests.
    """
    for case, (rule, attributes, message) in _CASES.items():
        rule(
            name = "wrong_" + case,
            tags = ["manual"],
            **attributes
        )
        _failure_test(
            name = case + "_fails_test",
            size = "small",
            message = message,
            target_under_test = ":wrong_" + case,
        )
    native.test_suite(
        name = name,
        tests = [case + "_fails_test" for case in _CASES],
    )
