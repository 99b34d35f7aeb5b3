"""The native proto_library and its provider under rules_proto's label.

Debian's rules_proto for Bazel 7 needs a repository that only Bzlmod declares.
"""

load(":native.bzl", "NativeProtoInfo")

# buildifier: disable=native-proto
proto_library = native.proto_library

ProtoInfo = NativeProtoInfo
