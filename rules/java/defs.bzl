"""The Java rules, which @rules_java re-exports on a machine without the real rules_java. See rules/java/README.md."""

load("//rules/java/private:java_binary.bzl", _java_binary = "java_binary")
load("//rules/java/private:java_import.bzl", _java_import = "java_import")
load("//rules/java/private:java_library.bzl", _java_library = "java_library")
load("//rules/java/private:java_plugin.bzl", _java_plugin = "java_plugin")
load("//rules/java/private:java_proto_library.bzl", _java_proto_library = "java_proto_library")
load("//rules/java/private:java_test.bzl", _java_test = "java_test")
load("//rules/java/private:providers.bzl", _JavaProgramInfo = "JavaProgramInfo")

JavaProgramInfo = _JavaProgramInfo
java_binary = _java_binary
java_import = _java_import
java_library = _java_library
java_plugin = _java_plugin
java_proto_library = _java_proto_library
java_test = _java_test
