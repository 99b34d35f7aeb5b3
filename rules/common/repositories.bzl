"""Bazel's own rule sets and the tags of modules, for repositories.bzl and extensions.bzl at the top."""

load(
    "//rules/common/private:module_tags.bzl",
    _constants_of = "constants_of",
    _name_error = "name_error",
    _version_error = "version_error",
)
load("//rules/common/private:rule_sets.bzl", _bazel_error = "bazel_error", _bazel_rule_sets = "bazel_rule_sets")

bazel_error = _bazel_error
bazel_rule_sets = _bazel_rule_sets
constants_of = _constants_of
name_error = _name_error
version_error = _version_error
