"""wheel_library: a wheel as a Python library, for the BUILD files of pip_repository."""

load("@host_python//:defs.bzl", "PYTHON")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("//rules/common:runfiles.bzl", "runfiles_path")
load("//rules/python/private:runfiles.bzl", "merge_runfiles")

_DOC = "Unpacks a wheel into one directory, byte-compiled, and adds that directory to the import path of dependents."

_ATTRS = {
    "deps": attr.label_list(
        doc = "The wheel_library targets that this package requires.",
        providers = [PyInfo],
    ),
    "wheel": attr.label(
        doc = "The .whl file.",
        mandatory = True,
        allow_single_file = [".whl"],
    ),
    "_tool": attr.label(
        doc = "The program that unpacks a wheel.",
        default = Label("//rules/python/tools:unpack_wheel.py"),
        allow_single_file = True,
    ),
}

def _impl(ctx):
    site = ctx.actions.declare_directory(ctx.label.name + "/site-packages")
    args = ctx.actions.args()
    args.add("-I")
    args.add(ctx.file._tool)
    args.add(ctx.file.wheel)
    args.add(site.path)
    ctx.actions.run(
        executable = PYTHON,
        arguments = [args],
        inputs = [ctx.file.wheel, ctx.file._tool],
        outputs = [site],
        mnemonic = "UnpackWheel",
        progress_message = "Unpacking %s" % ctx.file.wheel.basename,
    )
    import_path = runfiles_path(ctx, site)
    files = depset([site], transitive = [d[DefaultInfo].files for d in ctx.attr.deps])
    return [
        DefaultInfo(
            files = depset([site]),
            runfiles = merge_runfiles(ctx.runfiles(files = [site]), ctx.attr.deps),
        ),
        # For what reads a wheel as an archive, without its dependencies.
        OutputGroupInfo(wheel = depset([ctx.file.wheel])),
        PyInfo(
            transitive_sources = files,
            imports = depset([import_path], transitive = [d[PyInfo].imports for d in ctx.attr.deps]),
        ),
    ]

wheel_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [PyInfo],
)
