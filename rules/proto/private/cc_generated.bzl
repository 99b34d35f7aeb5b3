"""cc_generated: the C++ sources of protocol buffer messages and gRPC services."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("//rules/common:protoc.bzl", "import_path")

_ATTRS = {
    "grpc": attr.bool(
        doc = "Whether to generate gRPC services besides messages.",
    ),
    "proto": attr.label(
        mandatory = True,
        providers = [ProtoInfo],
        doc = "The proto_library.",
    ),
    "_libraries": attr.label(
        default = Label("@grpc_cc//:program_libraries"),
        doc = "The shared libraries of the compiler and the generator.",
    ),
    "_plugin": attr.label(
        default = Label("@grpc_cc//:grpc_cpp_plugin"),
        allow_single_file = True,
        doc = "The generator of services.",
    ),
    "_protoc": attr.label(
        default = Label("@grpc_cc//:protoc"),
        allow_single_file = True,
        doc = "The compiler, of the same version as the headers.",
    ),
}

def _impl(ctx):
    info = ctx.attr.proto[ProtoInfo]
    paths = [import_path(src, info) for src in info.direct_sources]
    package = ctx.label.package + "/" if ctx.label.package else ""
    outside = [path for path in paths if not path.startswith(package)]
    if outside:
        fail("%s: C++ includes generated headers by the path %s, which is not below the package %s. Move the target to the package of %s, without strip_import_prefix." % (ctx.label, outside[0], ctx.label.package, ctx.attr.proto.label))
    suffixes = [".pb.h", ".pb.cc"] + ([".grpc.pb.h", ".grpc.pb.cc"] if ctx.attr.grpc else [])
    files = [ctx.actions.declare_file(path[len(package):-len(".proto")] + suffix) for path in paths for suffix in suffixes]
    root = files[0].path[:-len(paths[0][:-len(".proto")] + suffixes[0]) - 1]
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add_joined(info.transitive_descriptor_sets, join_with = ":", format_joined = "--descriptor_set_in=%s")
    args.add("--cpp_out=" + root)
    if ctx.attr.grpc:
        args.add(ctx.file._plugin, format = "--plugin=protoc-gen-grpc=%s")
        args.add("--grpc_out=" + root)
    args.add_all(paths)
    libraries = ctx.files._libraries
    folders = {file.dirname: True for file in libraries}
    ctx.actions.run(
        executable = ctx.file._protoc,
        arguments = [args],
        inputs = depset(libraries, transitive = [info.transitive_descriptor_sets]),
        tools = [ctx.file._plugin],
        outputs = files,
        env = {"LD_LIBRARY_PATH": ":".join(sorted(folders))},
        mnemonic = "CcProto",
        progress_message = "Generating C++ of %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(files)),
        OutputGroupInfo(
            headers = depset([file for file in files if file.extension == "h"]),
            sources = depset([file for file in files if file.extension == "cc"]),
        ),
    ]

cc_generated = rule(
    implementation = _impl,
    doc = "Generates C++ of one proto_library. Its output groups are `headers` and `sources`.",
    attrs = _ATTRS,
)
