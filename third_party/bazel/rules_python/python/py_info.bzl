"""PyInfo under the label that rule sets for a newer Bazel load it from."""

load(":native.bzl", "NativePyInfo")

PyInfo = NativePyInfo
