"""The Java rules under rules_java's label, so that BUILD files need no change on a newer Bazel.

Bazel's own packages load the rules of toolchains from here too; those stay native.
"""

load(
    "@turnup//rules/java:defs.bzl",
    _java_binary = "java_binary",
    _java_import = "java_import",
    _java_library = "java_library",
    _java_plugin = "java_plugin",
    _java_proto_library = "java_proto_library",
    _java_test = "java_test",
)

java_binary = _java_binary
java_import = _java_import
java_library = _java_library
java_plugin = _java_plugin
java_proto_library = _java_proto_library
java_test = _java_test

java_package_configuration = native.java_package_configuration
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
