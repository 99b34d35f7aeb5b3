"""java_common under the label that rule sets for a newer Bazel load it from."""

load(":native.bzl", "NativeJavaCommon")

java_common = NativeJavaCommon
