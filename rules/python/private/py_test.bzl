"""py_test: a Python program as a test."""

load("//rules/python/private:py_executable.bzl", "PY_EXECUTABLE_ATTRS", "py_executable")

py_test = rule(
    implementation = py_executable,
    doc = "Runs a Python program as a test; its exit code is the result. For pytest use pytest_test.",
    attrs = PY_EXECUTABLE_ATTRS,
    test = True,
)
