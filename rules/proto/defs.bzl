"""The protocol buffer rules: py_proto_library, py_grpc_library and java_grpc_library.

proto_library is in @rules_proto//proto:defs.bzl, java_proto_library in @rules_java//java:defs.bzl. See rules/proto/README.md.
"""

load("//rules/proto/private:java_grpc_library.bzl", _java_grpc_library = "java_grpc_library")
load("//rules/proto/private:py_grpc_library.bzl", _py_grpc_library = "py_grpc_library")
load("//rules/proto/private:py_proto_library.bzl", _py_proto_library = "py_proto_library")

java_grpc_library = _java_grpc_library
py_grpc_library = _py_grpc_library
py_proto_library = _py_proto_library
