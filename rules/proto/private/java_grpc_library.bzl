"""java_grpc_library: the Java stubs of gRPC services."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("//rules/common:protoc.bzl", "generate_jar")
load("//rules/java:defs.bzl", "java_library")

_DOC = "Generates the sources of the Java stubs of one proto_library with gRPC services, as a jar of sources."

_ATTRS = {
    "srcs": attr.label_list(
        doc = "The proto_library with the services. The list must have exactly one target.",
        mandatory = True,
        providers = [ProtoInfo],
    ),
    "_plugin": attr.label(
        doc = "The gRPC generator for Java.",
        default = Label("//rules/proto/tools:protoc_gen_grpc_java"),
        allow_single_file = True,
        cfg = "exec",
    ),
    "_protoc": attr.label(
        doc = "The compiler.",
        default = Label("//rules/proto/tools:protoc_java"),
        allow_single_file = True,
        executable = True,
        cfg = "exec",
    ),
}

def _impl(ctx):
    if len(ctx.attr.srcs) != 1:
        fail("%s: srcs has %d targets, but it takes exactly one. Make one java_grpc_library for each proto_library." % (ctx.label, len(ctx.attr.srcs)))
    output = ctx.actions.declare_file(ctx.label.name + "-src.jar")
    generate_jar(
        ctx,
        ctx.label,
        ctx.attr.srcs[0][ProtoInfo],
        ctx.attr._protoc[DefaultInfo].files_to_run,
        ["--grpc-java_out"],
        ("grpc-java", ctx.file._plugin),
        output,
        "JavaGrpc",
    )
    return [DefaultInfo(files = depset([output]))]

java_grpc_sources = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)

def java_grpc_library(name, srcs, deps, **kwargs):
    """Generates and compiles the Java stubs of one proto_library with gRPC services.

    ```
    java_grpc_library(
        name = "route_guide_java_grpc",
        srcs = [":route_guide_proto"],
        deps = [":route_guide_java_proto"],
    )
    ```

    The target is a java_library. The libraries that the stubs need are `//rules/java/runtime:grpc`, those of `@maven` unless that
    setting says otherwise; a program also needs a transport, such as `@maven//:io_grpc_grpc_netty_shaded`.

    Args:
      name: the target's name.
      srcs (list of labels): the proto_library with the services, a list of exactly one.
      deps (list of labels): the java_proto_library targets with the messages of the services.
      **kwargs: attributes of all rules, such as visibility and testonly.
    """
    common = {key: kwargs[key] for key in ["compatible_with", "restricted_to", "target_compatible_with", "testonly"] if key in kwargs}
    java_grpc_sources(
        name = name + "_sources",
        srcs = srcs,
        tags = ["manual"],
        visibility = ["//visibility:private"],
        **common
    )
    java_library(
        name = name,
        srcs = [name + "_sources"],
        deps = deps + [Label("//rules/java/runtime:grpc")],
        **kwargs
    )
