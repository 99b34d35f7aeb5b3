"""go_module: a Go module for go_binary, go_library and go_test."""

load(":providers.bzl", "GoModuleInfo")

_ATTRS = {
    "downloads": attr.label_list(
        allow_files = True,
        doc = "The required modules, as a go_modules repository has them. Empty: none.",
    ),
    "go_mod": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "The module's go.mod.",
    ),
    "go_sum": attr.label(
        allow_single_file = True,
        doc = "The module's go.sum. None: the module requires no other module.",
    ),
}

def _impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.go_mod])),
        GoModuleInfo(
            downloads = depset(ctx.files.downloads),
            go_mod = ctx.file.go_mod,
            go_sum = ctx.file.go_sum,
        ),
    ]

go_module = rule(
    implementation = _impl,
    doc = "Declares a Go module that requires no other module. For others, `@NAME//:module` of a go_modules repository is one.",
    attrs = _ATTRS,
    provides = [GoModuleInfo],
)
