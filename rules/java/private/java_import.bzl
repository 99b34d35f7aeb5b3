"""java_import: jars that were compiled elsewhere."""

load("@rules_java//java/common:java_common.bzl", "java_common")
load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":common.bzl", "merged_runfiles")
load(":compile.bzl", "TOOL_ATTRS", "header_jar", "java_infos")

_DOC = """Makes jars that were compiled elsewhere usable in `deps`.

```
java_import(
    name = "vendor",
    jars = ["vendor-1.2.jar"],
    srcjar = "vendor-1.2-sources.jar",
)
```
"""

_ATTRS = {
    "data": attr.label_list(
        doc = "Files that the jars need at run time, in their runfiles. Empty: none.",
        allow_files = True,
    ),
    "deps": attr.label_list(
        doc = "The libraries that the jars use. Empty: none.",
        providers = [JavaInfo],
    ),
    "exports": attr.label_list(
        doc = "Libraries that dependents may use as if they were in their own `deps`. Empty: none.",
        providers = [JavaInfo],
    ),
    "jars": attr.label_list(
        doc = "The jars. Empty: the target only groups others.",
        mandatory = True,
        allow_files = [".jar"],
    ),
    "neverlink": attr.bool(
        doc = "Whether the jars are there only for compiling and something else brings them at run time.",
    ),
    "runtime_deps": attr.label_list(
        doc = "Libraries that are only on the class path of the running program. Empty: none.",
        providers = [JavaInfo],
    ),
    "srcjar": attr.label(
        doc = "The jar of the sources, for editors. None: not known.",
        allow_single_file = [".jar", ".srcjar"],
    ),
}

_ATTRS.update(TOOL_ATTRS)

def _impl(ctx):
    deps = java_infos(ctx.attr.deps)
    exports = java_infos(ctx.attr.exports)
    runtime_deps = java_infos(ctx.attr.runtime_deps)
    infos = []
    for index, jar in enumerate(ctx.files.jars):
        # Two jars may have one name in different folders.
        header = ctx.actions.declare_file("_ijar/%s/%d/%s-ijar.jar" % (ctx.label.name, index, jar.basename[:-len(".jar")]))
        header_jar(ctx, header, jar)
        infos.append(JavaInfo(
            output_jar = jar,
            compile_jar = header,
            source_jar = ctx.file.srcjar,
            neverlink = ctx.attr.neverlink,
            deps = deps,
            exports = exports,
            runtime_deps = runtime_deps,
        ))
    files = [] if ctx.attr.neverlink else ctx.files.jars
    targets = ctx.attr.deps + ctx.attr.exports + ctx.attr.runtime_deps + ctx.attr.data
    return [
        DefaultInfo(files = depset(ctx.files.jars), runfiles = merged_runfiles(ctx, files + ctx.files.data, targets)),
        java_common.merge(infos + ([] if infos else exports + runtime_deps)),
    ]

java_import = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [JavaInfo],
)
