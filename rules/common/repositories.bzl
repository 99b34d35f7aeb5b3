"""Bazel's own rule sets, for repositories.bzl at the top."""

load("//rules/common/private:rule_sets.bzl", _bazel_rule_sets = "bazel_rule_sets")

bazel_rule_sets = _bazel_rule_sets
