"""python_program: the code, the image and the tests of one Python service of the sample."""

load("@rules_python//python:defs.bzl", "py_library")
load("//rules/image:defs.bzl", "debian_image", "py_image")
load("//rules/python:defs.bzl", "pytest_test")

def python_program(name, deps = [], packages = [], test_deps = []):
    """Declares an image that runs the package's main.py, and tests of its modules.

    It declares NAME (the image), `lib` (all modules except tests), `testing` (the folder testing: fakes for the tests of
    this and other packages) and one test for each *_test.py file, with the name of the file.

    Args:
      name: Name of the image.
      deps: Libraries that the program needs.
      packages: Debian packages that the program runs; image and tests include them.
      test_deps: Libraries that the tests need in addition to `lib`.
    """
    py_library(
        name = "lib",
        srcs = native.glob(["*.py"], exclude = ["*_test.py"]),
        visibility = ["//python:__subpackages__", "//tests:__subpackages__"],
        deps = deps,
    )
    py_library(
        name = "testing",
        testonly = True,
        srcs = native.glob(["testing/*.py"], allow_empty = True),
        data = packages,
        visibility = ["//python:__subpackages__", "//tests:__subpackages__"],
        deps = [":lib"] + test_deps,
    )
    base = "//python:base"
    if packages:
        debian_image(name = name + ".base", base = base, packages = packages)
        base = ":%s.base" % name
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
            deps = [":testing"],
        )
