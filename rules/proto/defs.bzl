"""The protocol buffer rules for Python: py_proto_library and py_grpc_library.

proto_library is in @rules_proto//proto:defs.bzl. See rules/proto/README.md.
"""

load("//rules/proto/private:py_grpc_library.bzl", _py_grpc_library = "py_grpc_library")
load("//rules/proto/private:py_proto_library.bzl", _py_proto_library = "py_proto_library")

py_grpc_library = _py_grpc_library
py_proto_library = _py_proto_library
