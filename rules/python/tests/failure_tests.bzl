"""Analysis tests of the error for each wrong use of the Python rules."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules/python:defs.bzl", "py_binary", "py_library")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string(doc = "Text that the failure must contain.", mandatory = True)},
    expect_failure = True,
)

# Case to (rule, attributes, message). Each case is a target that must not build.
_CASES = {
    "no_main": (py_binary, {"srcs": ["one.py", "two.py"]}, "main: the value is empty, and srcs has no no_main.py. Set main to the file to run."),
    "program_in_python_2": (py_binary, {"python_version": "PY2", "srcs": ["one.py"]}, "python_version: 'PY2' asks for a Python that these rules do not have. Use PY3, or remove it."),
    "sources_in_python_2": (py_library, {"srcs": ["one.py"], "srcs_version": "PY2ONLY"}, "srcs_version: 'PY2ONLY' asks for a Python that these rules do not have. Use PY3, or remove it."),
}

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
    for case, (make, attributes, message) in _CASES.items():
        make(name = case, tags = ["manual"], **attributes)
        _fails_test(
            name = "%s_%s_test" % (name, case),
            size = "small",
            message = message,
            target_under_test = ":" + case,
        )
