"""go_proto_library and go_grpc_library: the Go package of protocol buffer messages, and of gRPC services."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("//rules/common:protoc.bzl", "import_path")
load("//rules/go:defs.bzl", "GoProtoInfo", "GoSourcesInfo")

_DOC = """Generates the Go package of the %s of one proto_library, for `deps` of go_binary, go_library and go_test.

```
%s(
    name = "route_guide_go",
    importpath = "example.com/shop/routeguide",
    proto = ":route_guide_proto",
)
```

The .proto files need no `go_package`. The import path is below the path of the module that imports the package; the module
must require google.golang.org/protobuf%s."""

_ATTRS = {
    "deps": attr.label_list(
        providers = [GoProtoInfo],
        doc = "The Go packages of the .proto files that are imported. Well-known types need none. Empty: none.",
    ),
    "importpath": attr.string(
        mandatory = True,
        doc = "The import path of the package.",
    ),
    "proto": attr.label(
        mandatory = True,
        providers = [ProtoInfo],
        doc = "The proto_library.",
    ),
    "_go_plugin": attr.label(
        default = Label("//rules/proto/tools:protoc-gen-go"),
        executable = True,
        cfg = "exec",
        doc = "The generator of messages.",
    ),
    "_protoc": attr.label(
        default = Label("//rules/proto/tools:protoc"),
        executable = True,
        cfg = "exec",
        doc = "The compiler.",
    ),
}

_GRPC_ATTRS = dict(
    _ATTRS,
    _grpc_plugin = attr.label(
        default = Label("//rules/proto/tools:protoc-gen-go-grpc"),
        executable = True,
        cfg = "exec",
        doc = "The generator of services.",
    ),
)

def _generate(ctx, plugins):
    """Declares the action that generates the package.

    Args:
      ctx: the rule's context.
      plugins: dict from generator, as protoc's flags name it, to (FilesToRunProvider, suffix of its files).
    Returns:
      list of providers.
    """
    info, importpath = ctx.attr.proto[ProtoInfo], ctx.attr.importpath
    paths = [import_path(src, info) for src in info.direct_sources]
    names = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if names.get(name):
            fail("%s: %s and %s have the same name, but a Go package is one folder. Make a go_proto_library for each." % (ctx.label, names[name], path))
        names[name] = path
    own = depset(
        [struct(proto = path, importpath = importpath) for path in paths],
        transitive = [dep[GoProtoInfo].importpaths for dep in ctx.attr.deps],
    )
    root = ctx.label.name + ".gen"
    files = []
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add_joined(info.transitive_descriptor_sets, join_with = ":", format_joined = "--descriptor_set_in=%s")
    for generator, (plugin, suffix) in plugins.items():
        outs = [ctx.actions.declare_file("%s/%s/%s" % (root, importpath, name[:-len(".proto")] + suffix)) for name in names]
        folder = outs[0].path[:-len("/%s/%s" % (importpath, outs[0].basename))]
        args.add(plugin.executable, format = "--plugin=protoc-gen-%s=%%s" % generator)
        args.add("--%s_out=%s" % (generator, folder))
        for mapping in own.to_list():
            args.add("--%s_opt=M%s=%s" % (generator, mapping.proto, mapping.importpath))
        files += outs
    args.add_all(paths)
    ctx.actions.run(
        executable = ctx.attr._protoc[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = info.transitive_descriptor_sets,
        tools = [plugin for plugin, _ in plugins.values()],
        outputs = files,
        mnemonic = "GoProto",
        progress_message = "Generating Go of %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(files)),
        GoProtoInfo(importpaths = own),
        GoSourcesInfo(sources = depset(
            [struct(file = file, importpath = importpath) for file in files],
            transitive = [dep[GoSourcesInfo].sources for dep in ctx.attr.deps],
        )),
    ]

def _proto_impl(ctx):
    return _generate(ctx, {"go": (ctx.attr._go_plugin[DefaultInfo].files_to_run, ".pb.go")})

def _grpc_impl(ctx):
    return _generate(ctx, {
        "go": (ctx.attr._go_plugin[DefaultInfo].files_to_run, ".pb.go"),
        "go-grpc": (ctx.attr._grpc_plugin[DefaultInfo].files_to_run, "_grpc.pb.go"),
    })

go_proto_library = rule(
    implementation = _proto_impl,
    doc = _DOC % ("messages", "go_proto_library", ""),
    attrs = _ATTRS,
    provides = [GoProtoInfo, GoSourcesInfo],
)

go_grpc_library = rule(
    implementation = _grpc_impl,
    doc = _DOC % ("messages and gRPC services", "go_grpc_library", " and google.golang.org/grpc"),
    attrs = _GRPC_ATTRS,
    provides = [GoProtoInfo, GoSourcesInfo],
)
