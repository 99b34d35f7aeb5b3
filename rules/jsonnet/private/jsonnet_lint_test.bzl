"""jsonnet_lint_test: runs the linter on files."""

load(":collect.bzl", "collect", "roots_of")
load(":providers.bzl", "JsonnetLibraryInfo")
load(":source_test.bzl", "SOURCE_TEST_ATTRS", "source_test")

_ATTRS = dict(
    SOURCE_TEST_ATTRS,
    data = attr.label_list(
        allow_files = True,
        doc = "Other files that the sources import by their workspace path. Empty: none.",
    ),
    deps = attr.label_list(
        providers = [JsonnetLibraryInfo],
        doc = "Libraries that the sources import. Empty: none.",
    ),
    imports = attr.string_list(
        doc = "Folders, relative to the package, that imports search. Empty: none.",
    ),
)

def _impl(ctx):
    own = ctx.files.srcs + ctx.files.data
    info = collect(
        label = ctx.label,
        roots = roots_of(own),
        imports = ctx.attr.imports,
        deps = ctx.attr.deps,
        files = depset(own),
    )
    folders = []
    for folder in info.short_imports.to_list() + ["."]:
        folders += ["-J", folder]
    return source_test(ctx, ["lint"] + folders, info.transitive_jsonnet_files)

jsonnet_lint_test = rule(
    implementation = _impl,
    doc = "Fails if go-jsonnet's linter finds unused variables, unknown fields, wrong types or wrong arguments.",
    attrs = _ATTRS,
    test = True,
)
