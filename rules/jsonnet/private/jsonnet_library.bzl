"""jsonnet_library: Jsonnet files for other targets to import."""

load(":collect.bzl", "collect", "roots_of")
load(":providers.bzl", "JsonnetLibraryInfo")

_DOC = """Makes Jsonnet files, and the data that they import, available to other targets.

```
jsonnet_library(
    name = "lib",
    srcs = ["deployment.libsonnet"],
    deps = ["//lib:labels"],
)
```
A dependent imports a file by its path from the workspace root
(`import 'lib/workloads/deployment.libsonnet'`), relative to the importing file, or relative
to a folder in `imports`. The target provides JsonnetLibraryInfo."""

SOURCE_TYPES = [".jsonnet", ".libsonnet", ".json"]

_ATTRS = {
    "data": attr.label_list(
        allow_files = True,
        doc = "Other files that the sources import, such as text for importstr and generated JSON. Empty: none.",
    ),
    "deps": attr.label_list(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries that the sources import. Empty: none.",
    ),
    "imports": attr.string_list(
        doc = "Folders, relative to the package, that imports of this library and its dependents search. Empty: none.",
    ),
    "srcs": attr.label_list(
        allow_files = SOURCE_TYPES,
        doc = "The library's files: .jsonnet, .libsonnet or .json, sources or generated.",
    ),
}

def _impl(ctx):
    own = ctx.files.srcs + ctx.files.data
    info = collect(
        label = ctx.label,
        roots = roots_of(own),
        imports = ctx.attr.imports,
        deps = ctx.attr.deps,
        files = depset(own),
    )
    return [
        DefaultInfo(
            files = depset(ctx.files.srcs),
            runfiles = ctx.runfiles(transitive_files = info.transitive_jsonnet_files),
        ),
        info,
    ]

jsonnet_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
)
