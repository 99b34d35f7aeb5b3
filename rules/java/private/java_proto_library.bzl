"""java_proto_library: the Java classes of protocol buffer messages."""

load("@rules_java//java/common:java_common.bzl", "java_common")
load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load("@rules_proto//proto:defs.bzl", "ProtoInfo")
load("//rules/common:protoc.bzl", "generate_jar", "is_in_runtime")
load(":common.bzl", "merged_runfiles")
load(":compile.bzl", "PROTO_HEADER", "TOOL_ATTRS", "compile_java")

_DOC = """Generates and compiles the Java classes of proto_library targets and of everything that they import.

```
java_proto_library(
    name = "route_guide_java_proto",
    deps = [":route_guide_proto"],
)
```

Dependents use the classes of the proto_library in `deps`; what it imports needs a java_proto_library of its own in their `deps`.
The run-time library is `//rules/java/runtime:protobuf`, `@maven//:com_google_protobuf_protobuf_java` unless that setting says
otherwise.
"""

_JavaProtoInfo = provider(
    doc = "The compiled classes of a proto_library.",
    fields = {
        "java_info": "JavaInfo of the classes, with those of the imported proto_library targets in its deps.",
        "source_jars": "depset of jars with the generated sources, those of imported targets too.",
    },
)

_RUNTIME = attr.label(
    doc = "The run-time library of generated classes.",
    default = Label("//rules/java/runtime:protobuf"),
    providers = [JavaInfo],
)

def _aspect_impl(target, ctx):
    imported = [dep[_JavaProtoInfo] for dep in ctx.rule.attr.deps if _JavaProtoInfo in dep]
    runtime = ctx.attr._runtime[JavaInfo]
    infos = [dep.java_info for dep in imported] + [runtime]
    transitive = depset(transitive = [dep.source_jars for dep in imported])
    info = target[ProtoInfo]
    if is_in_runtime(info):
        # Also a proto_library without sources, which stands for what it depends on.
        return [_JavaProtoInfo(java_info = java_common.merge(infos), source_jars = transitive)]
    stem = "lib%s-speed" % target.label.name
    sources = ctx.actions.declare_file(stem + "-src.jar")
    jar = ctx.actions.declare_file(stem + ".jar")
    header = ctx.actions.declare_file("lib" + target.label.name + PROTO_HEADER)
    generate_jar(ctx, target.label, info, ctx.attr._protoc[DefaultInfo].files_to_run, ["--java_out"], None, sources, "JavaProto")

    # protoc writes the sources, so nobody could add what is missing in deps of a proto_library.
    compile_java(ctx, jar = jar, header = header, label = target.label, srcs = [sources], deps = infos, strict = False)
    return [_JavaProtoInfo(
        java_info = JavaInfo(output_jar = jar, compile_jar = header, source_jar = sources, deps = infos),
        source_jars = depset([sources], transitive = [transitive]),
    )]

_aspect_attrs = {
    "_protoc": attr.label(
        doc = "The compiler with the Java generator.",
        default = Label("//rules/proto/tools:protoc_java"),
        allow_single_file = True,
        executable = True,
        cfg = "exec",
    ),
    "_runtime": _RUNTIME,
}

_aspect_attrs.update(TOOL_ATTRS)

_aspect = aspect(
    implementation = _aspect_impl,
    doc = "Compiles each proto_library among the transitive deps.",
    attr_aspects = ["deps"],
    attrs = _aspect_attrs,
)

_ATTRS = {
    "deps": attr.label_list(
        doc = "The proto_library targets.",
        aspects = [_aspect],
        mandatory = True,
        providers = [ProtoInfo],
    ),
    "_runtime": _RUNTIME,
}

def _impl(ctx):
    infos = [dep[_JavaProtoInfo] for dep in ctx.attr.deps]
    java_info = java_common.merge([info.java_info for info in infos])
    jars = java_info.transitive_runtime_jars.to_list()
    return [
        DefaultInfo(
            files = depset(java_info.runtime_output_jars),
            runfiles = merged_runfiles(ctx, jars, [ctx.attr._runtime]),
        ),
        java_info,
        OutputGroupInfo(_source_jars = depset(transitive = [info.source_jars for info in infos])),
    ]

java_proto_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [JavaInfo],
)
