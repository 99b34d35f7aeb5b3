"""py_proto_library: the Python modules of protocol buffer messages."""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("@rules_python//python:py_info.bzl", "PyInfo")
load(":generate.bzl", "generate")

_DOC = """Generates the Python modules of proto_library targets and of everything that they import.

```
py_proto_library(
    name = "route_guide_py_pb2",
    deps = [":route_guide_proto"],
)
```
`proto/route_guide.proto` is then `from proto import route_guide_pb2`. A .pyi file beside
each module is for editors and type checkers. The target provides PyInfo.

The run-time library is `//rules/python/runtime:protobuf`, `@turnup_pip//protobuf` unless that setting says otherwise."""

_PyModulesInfo = provider(
    doc = "Generated modules of a proto_library and its dependencies.",
    fields = {
        "imports": "depset of import roots in runfiles, besides the workspace root. Empty: none.",
        "sources": "depset of generated .py and .pyi Files.",
    },
)

def _aspect_impl(target, ctx):
    generated = generate(
        ctx,
        target.label,
        target[ProtoInfo],
        ctx.attr._protoc[DefaultInfo].files_to_run,
        ["--python_out", "--pyi_out"],
        ["_pb2.py", "_pb2.pyi"],
        "PyProto",
    )
    deps = [dep[_PyModulesInfo] for dep in ctx.rule.attr.deps if _PyModulesInfo in dep]
    return [_PyModulesInfo(
        imports = depset(generated.imports, transitive = [dep.imports for dep in deps]),
        sources = depset(generated.sources, transitive = [dep.sources for dep in deps]),
    )]

_aspect = aspect(
    implementation = _aspect_impl,
    doc = "Generates Python for each proto_library among the transitive deps.",
    attr_aspects = ["deps"],
    attrs = {
        "_protoc": attr.label(
            default = Label("//rules/proto/tools:protoc"),
            executable = True,
            cfg = "exec",
            doc = "The compiler with the Python generators.",
        ),
    },
)

_ATTRS = {
    "deps": attr.label_list(
        aspects = [_aspect],
        mandatory = True,
        providers = [ProtoInfo],
        doc = "The proto_library targets.",
    ),
    "_runtime": attr.label(
        default = Label("//rules/python/runtime:protobuf"),
        providers = [PyInfo],
        doc = "The runtime library of the generated modules.",
    ),
}

def _impl(ctx):
    modules = [dep[_PyModulesInfo] for dep in ctx.attr.deps]
    sources = depset(transitive = [info.sources for info in modules])
    runtime = ctx.attr._runtime
    runfiles = ctx.runfiles(transitive_files = sources).merge(runtime[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(files = sources, runfiles = runfiles),
        PyInfo(
            imports = depset(transitive = [info.imports for info in modules] + [runtime[PyInfo].imports]),
            transitive_sources = depset(transitive = [sources, runtime[PyInfo].transitive_sources]),
        ),
    ]

py_proto_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [PyInfo],
)
