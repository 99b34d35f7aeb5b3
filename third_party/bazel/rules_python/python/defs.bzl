"""py_library, py_binary and py_test under rules_python's label, so that BUILD files need no change on a newer Bazel."""

load("@turnup//rules/python:defs.bzl", _py_binary = "py_binary", _py_library = "py_library", _py_test = "py_test")

py_binary = _py_binary
py_library = _py_library
py_test = _py_test
