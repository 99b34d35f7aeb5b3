"""jsonnet_fmt_test and jsonnet_lint_test: check the format of files, and run the linter on them."""

load(":collect.bzl", "collect", "roots_of")
load(":providers.bzl", "JsonnetLibraryInfo")

_TOOL = {
    "_tools": attr.label(
        default = "@jsonnet_tools//:jsonnet_tools",
        allow_single_file = True,
        doc = "go-jsonnet's formatter and linter.",
    ),
}

_FMT_ATTRS = dict(
    _TOOL,
    srcs = attr.label_list(
        mandatory = True,
        allow_files = [".jsonnet", ".libsonnet"],
        doc = "The files to check, sources or generated.",
    ),
)

_LINT_ATTRS = dict(
    _FMT_ATTRS,
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

# Only starts the tool. The working directory is the runfiles folder of the test.
_LAUNCHER = """#!/bin/sh
exec "{tool}" {arguments}
"""

def _test(ctx, arguments, files):
    """Returns the providers of a test that runs the tool on the target's sources."""
    if not ctx.files.srcs:
        fail("%s: srcs is empty. Add the files to check." % ctx.label)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            arguments = " ".join(["'%s'" % word for word in arguments + [file.short_path for file in ctx.files.srcs]]),
            tool = ctx.file._tools.short_path,
        ),
        is_executable = True,
    )
    return [DefaultInfo(
        executable = launcher,
        runfiles = ctx.runfiles(files = ctx.files.srcs + [ctx.file._tools], transitive_files = files),
    )]

def _fmt_impl(ctx):
    return _test(ctx, ["check"], depset())

def _lint_impl(ctx):
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
    return _test(ctx, ["lint"] + folders, info.transitive_jsonnet_files)

jsonnet_fmt_test = rule(
    implementation = _fmt_impl,
    doc = "Fails if `bazel run //rules/jsonnet:fmt` would change a file.",
    attrs = _FMT_ATTRS,
    test = True,
)

jsonnet_lint_test = rule(
    implementation = _lint_impl,
    doc = "Fails if go-jsonnet's linter finds unused variables, unknown fields, wrong types or wrong arguments.",
    attrs = _LINT_ATTRS,
    test = True,
)
