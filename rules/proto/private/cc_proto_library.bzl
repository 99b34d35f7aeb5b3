"""cc_proto_library and cc_grpc_library: the C++ of protocol buffer messages, and of gRPC services."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load(":cc_generated.bzl", "cc_generated")

def _library(name, proto, deps, grpc, attributes):
    cc_generated(
        name = name + ".generated",
        grpc = grpc,
        proto = proto,
        tags = ["manual"],
        visibility = ["//visibility:private"],
    )
    for group in ["headers", "sources"]:
        native.filegroup(
            name = "%s.%s" % (name, group),
            srcs = [":%s.generated" % name],
            output_group = group,
            tags = ["manual"],
            visibility = ["//visibility:private"],
        )
    cc_library(
        name = name,
        srcs = [":%s.sources" % name],
        hdrs = [":%s.headers" % name],
        copts = ["-std=c++17"],
        deps = deps + ([Label("@grpc_cc//:grpc++")] if grpc else []) + [Label("@grpc_cc//:protobuf")],
        **attributes
    )

def cc_proto_library(name, proto, deps = [], **kwargs):
    """Generates the C++ of the messages of one proto_library, as a cc_library.

    `proto/route_guide.proto` is then `#include "proto/route_guide.pb.h"`.

    Args:
      name (string): the target's name.
      proto (label): the proto_library. It is in the same package.
      deps (list of labels): the cc_proto_library targets of the .proto files that are imported. Well-known types need none. Empty: none.
      **kwargs: attributes of cc_library, such as visibility.
    """
    _library(name, proto, deps, False, kwargs)

def cc_grpc_library(name, proto, deps = [], **kwargs):
    """Generates the C++ of the messages and gRPC services of one proto_library, as a cc_library.

    `proto/route_guide.proto` is then `#include "proto/route_guide.grpc.pb.h"`, and the messages `route_guide.pb.h`.

    Args:
      name (string): the target's name.
      proto (label): the proto_library. It is in the same package.
      deps (list of labels): the cc_proto_library targets of the .proto files that are imported. Well-known types need none. Empty: none.
      **kwargs: attributes of cc_library, such as visibility.
    """
    _library(name, proto, deps, True, kwargs)
