"""python_program: the code, the image and the tests of one Python service of the sample."""

load("@rules_python//python:defs.bzl", "py_library")
load("//rules/image:defs.bzl", "py_image")
load("//rules/python:defs.bzl", "pytest_test")

def python_program(name, deps = [], base = "//python:base", testing = [], test_deps = [], test_data = [], test_env = {}):
    """Makes an image that runs the package's main.py, and tests its modules.

    Declares NAME (the image), `lib` (all modules but tests), `testing` (what tests of other packages may use) and one
    test for each *_test.py file, named like the file.

    Args:
      name: the image's name.
      deps: libraries that the program needs.
      base: the image that the program's layers lie on.
      testing: files that only tests use.
      test_deps: libraries that the tests need besides.
      test_data: files that the tests need.
      test_env: environment variables of the tests; `$(locations x)` is expanded.
    """
    py_library(
        name = "lib",
        srcs = native.glob(["*.py"], exclude = ["*_test.py"] + testing),
        deps = deps,
        visibility = ["//python:__subpackages__"],
    )
    py_library(
        name = "testing",
        testonly = True,
        srcs = testing,
        data = test_data,
        visibility = ["//python:__subpackages__", "//tests:__subpackages__"],
        deps = [":lib"] + test_deps,
    )
    py_image(
        name = name,
        srcs = ["main.py"],
        base = base,
        main = "main.py",
        visibility = ["//visibility:public"],
        deps = [":lib"],
    )
    for test in native.glob(["*_test.py"]):
        pytest_test(
            name = test.replace(".py", ""),
            size = "small",
            timeout = "moderate",
            srcs = [test],
            env = test_env,
            deps = [":testing"],
        )
