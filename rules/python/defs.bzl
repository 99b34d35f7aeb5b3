"""Python rules of Turnup's own, beside the rules_python names of @rules_python//python:defs.bzl."""

load("//rules/python/private:pytest.bzl", _pytest_test = "pytest_test")

pytest_test = _pytest_test
