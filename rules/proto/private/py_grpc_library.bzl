"""py_grpc_library: the Python stubs and servicers of gRPC services."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("@rules_python//python:py_info.bzl", "PyInfo")
load(":generate.bzl", "generate")

_DOC = """Generates the Python stubs and servicers of one proto_library with gRPC services.

```
py_grpc_library(
    name = "route_guide_py_grpc",
    srcs = [":route_guide_proto"],
    deps = [":route_guide_py_pb2"],
)
```
`proto/route_guide.proto` is then `from proto import route_guide_pb2_grpc`. The target provides PyInfo.

The run-time library is `//rules/python/runtime:grpc`, `@turnup_pip//grpcio` unless that setting says otherwise."""

_ATTRS = {
    "deps": attr.label_list(
        mandatory = True,
        providers = [PyInfo],
        doc = "The py_proto_library with the messages of the services.",
    ),
    "srcs": attr.label_list(
        mandatory = True,
        providers = [ProtoInfo],
        doc = "The proto_library with the services. The list must have exactly one target.",
    ),
    "_protoc": attr.label(
        default = Label("//rules/proto/tools:protoc"),
        executable = True,
        cfg = "exec",
        doc = "The compiler with the gRPC Python generator.",
    ),
    "_runtime": attr.label(
        default = Label("//rules/python/runtime:grpc"),
        providers = [PyInfo],
        doc = "The runtime library of the generated modules.",
    ),
}

def _impl(ctx):
    if len(ctx.attr.srcs) != 1:
        fail("%s: srcs has %d targets, but it takes exactly one. Make one py_grpc_library for each proto_library." % (ctx.label, len(ctx.attr.srcs)))
    generated = generate(
        ctx,
        ctx.label,
        ctx.attr.srcs[0][ProtoInfo],
        ctx.attr._protoc[DefaultInfo].files_to_run,
        ["--grpc_python_out"],
        ["_pb2_grpc.py"],
        "PyGrpc",
    )
    libraries = ctx.attr.deps + [ctx.attr._runtime]
    runfiles = ctx.runfiles(files = generated.sources)
    for library in libraries:
        runfiles = runfiles.merge(library[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(files = depset(generated.sources), runfiles = runfiles),
        PyInfo(
            imports = depset(generated.imports, transitive = [library[PyInfo].imports for library in libraries]),
            transitive_sources = depset(
                generated.sources,
                transitive = [library[PyInfo].transitive_sources for library in libraries],
            ),
        ),
    ]

py_grpc_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [PyInfo],
)
