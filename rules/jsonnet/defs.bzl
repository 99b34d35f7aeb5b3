"""The Jsonnet rules: jsonnet_library, jsonnet_to_json and jsonnet_to_json_test.

See rules/jsonnet/README.md for what each attribute means.
"""

load("//rules/jsonnet/private:jsonnet_library.bzl", _jsonnet_library = "jsonnet_library")
load("//rules/jsonnet/private:jsonnet_to_json.bzl", _jsonnet_to_json = "jsonnet_to_json")
load("//rules/jsonnet/private:jsonnet_to_json_test.bzl", _jsonnet_to_json_test = "jsonnet_to_json_test")
load("//rules/jsonnet/private:providers.bzl", _JsonnetLibraryInfo = "JsonnetLibraryInfo")

JsonnetLibraryInfo = _JsonnetLibraryInfo
jsonnet_library = _jsonnet_library
jsonnet_to_json = _jsonnet_to_json
jsonnet_to_json_test = _jsonnet_to_json_test
