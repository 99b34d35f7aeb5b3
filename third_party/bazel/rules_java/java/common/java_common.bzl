"""java_common under the label that rule sets for a newer Bazel load it from."""

load(":native.bzl", "native_java_common")

java_common = native_java_common
