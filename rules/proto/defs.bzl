"""The protocol buffer rules: for Python py_proto_library and py_grpc_library, for Java java_grpc_library, for Go go_proto_library
and go_grpc_library, for C++ cc_proto_library and cc_grpc_library.

proto_library is in @rules_proto//proto:defs.bzl, java_proto_library in @rules_java//java:defs.bzl. See rules/proto/README.md.
"""

load("//rules/proto/private:cc_proto_library.bzl", _cc_grpc_library = "cc_grpc_library", _cc_proto_library = "cc_proto_library")
load("//rules/proto/private:go_proto_library.bzl", _go_grpc_library = "go_grpc_library", _go_proto_library = "go_proto_library")
load("//rules/proto/private:java_grpc_library.bzl", _java_grpc_library = "java_grpc_library")
load("//rules/proto/private:py_grpc_library.bzl", _py_grpc_library = "py_grpc_library")
load("//rules/proto/private:py_proto_library.bzl", _py_proto_library = "py_proto_library")

cc_grpc_library = _cc_grpc_library
cc_proto_library = _cc_proto_library
go_grpc_library = _go_grpc_library
go_proto_library = _go_proto_library
java_grpc_library = _java_grpc_library
py_grpc_library = _py_grpc_library
py_proto_library = _py_proto_library
