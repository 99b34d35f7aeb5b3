"""junit_tests: the JUnit 5 tests of one folder of the sample."""

load("//rules/java:defs.bzl", "java_library", "java_test")

_JUNIT = [
    "@maven//:org_junit_jupiter_junit_jupiter_api",
    "@maven//:org_junit_jupiter_junit_jupiter_params",
]

def junit_tests(package, deps, data = [], env = {}):  # buildifier: disable=unnamed-macro
    """Declares one test for each *Test.java file, with the name of the file, and `testing`, what they share.

    Args:
      package: Java package of the sources.
      deps: Libraries that the tests need.
      data: Files and programs that the tests need at run time.
      env: Environment variables of the tests.
    """
    shared = native.glob(["testing/*.java"], allow_empty = True)
    if shared:
        java_library(
            name = "testing",
            testonly = True,
            srcs = shared,
            deps = deps,
        )
    for test in native.glob(["*Test.java"]):
        name = test[:-len(".java")]
        java_test(
            name = name,
            size = "small",
            timeout = "moderate",
            srcs = [test],
            data = data,
            env = env,
            test_class = package + "." + name,
            deps = deps + ([":testing"] if shared else []) + _JUNIT,
        )
