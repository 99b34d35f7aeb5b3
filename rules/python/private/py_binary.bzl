"""py_binary: a Python program."""

load("//rules/python/private:py_executable.bzl", "PY_EXECUTABLE_ATTRS", "py_executable")

py_binary = rule(
    implementation = py_executable,
    doc = "Builds a Python program, for `bazel run`, for build actions, or as a JSON persistent worker.",
    attrs = PY_EXECUTABLE_ATTRS,
    executable = True,
)
