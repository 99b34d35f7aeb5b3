"""Python rules: those of rules_python, which @rules_python re-exports, and pytest_test."""

load("//rules/python/private:py_binary.bzl", _py_binary = "py_binary")
load("//rules/python/private:py_library.bzl", _py_library = "py_library")
load("//rules/python/private:py_test.bzl", _py_test = "py_test")
load("//rules/python/private:pytest_test.bzl", _pytest_test = "pytest_test")

py_binary = _py_binary
py_library = _py_library
py_test = _py_test
pytest_test = _pytest_test
