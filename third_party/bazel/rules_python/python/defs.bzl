"""PyInfo, py_library, py_binary and py_test under rules_python's label, so that BUILD files need no change on a newer Bazel."""

load("@turnup//rules/python:defs.bzl", _py_binary = "py_binary", _py_library = "py_library", _py_test = "py_test")
load(":py_info.bzl", _PyInfo = "PyInfo")

PyInfo = _PyInfo

# Attributes of rules_python without effect here: folders of runfiles are namespace packages, and programs have no build
# information. A rule of ours could not have them: rules_python takes both bool and int.
_WITHOUT_EFFECT = ["legacy_create_init", "stamp"]

def _supported(attributes):
    """Returns attributes without those that have no effect."""
    return {key: value for key, value in attributes.items() if key not in _WITHOUT_EFFECT}

py_library = _py_library

def py_binary(name, **kwargs):
    """Builds a Python program.

    Args:
      name: the target's name.
      **kwargs: attributes of the rule. `legacy_create_init` and `stamp` have no effect.
    """
    _py_binary(name = name, **_supported(kwargs))

def py_test(name, **kwargs):
    """Runs a Python program as a test.

    Args:
      name: the target's name.
      **kwargs: attributes of the rule. `legacy_create_init` and `stamp` have no effect.
    """
    _py_test(name = name, **_supported(kwargs))
