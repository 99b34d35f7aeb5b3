"""The Jsonnet rules: jsonnet_library, jsonnet_to_json, and the tests of programs and sources.

See rules/jsonnet/README.md for examples and docs/reference/jsonnet.md for attributes.
"""

load("//rules/jsonnet/private:engines.bzl", _JsonnetEngineInfo = "JsonnetEngineInfo")
load("//rules/jsonnet/private:jsonnet_engines_test.bzl", _jsonnet_engines_test = "jsonnet_engines_test")
load("//rules/jsonnet/private:jsonnet_fmt_test.bzl", _jsonnet_fmt_test = "jsonnet_fmt_test")
load("//rules/jsonnet/private:jsonnet_library.bzl", _jsonnet_library = "jsonnet_library")
load("//rules/jsonnet/private:jsonnet_lint_test.bzl", _jsonnet_lint_test = "jsonnet_lint_test")
load("//rules/jsonnet/private:jsonnet_to_json.bzl", _jsonnet_to_json = "jsonnet_to_json")
load("//rules/jsonnet/private:jsonnet_to_json_test.bzl", _jsonnet_to_json_test = "jsonnet_to_json_test")
load("//rules/jsonnet/private:jsonnet_toolchain.bzl", _jsonnet_toolchain = "jsonnet_toolchain")
load("//rules/jsonnet/private:providers.bzl", _JsonnetLibraryInfo = "JsonnetLibraryInfo")

JsonnetEngineInfo = _JsonnetEngineInfo
JsonnetLibraryInfo = _JsonnetLibraryInfo
jsonnet_engines_test = _jsonnet_engines_test
jsonnet_fmt_test = _jsonnet_fmt_test
jsonnet_library = _jsonnet_library
jsonnet_lint_test = _jsonnet_lint_test
jsonnet_to_json = _jsonnet_to_json
jsonnet_to_json_test = _jsonnet_to_json_test
jsonnet_toolchain = _jsonnet_toolchain
