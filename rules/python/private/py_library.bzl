"""py_library without a Python toolchain: sources, data and import paths, handed on as PyInfo."""

load("@host_python//:defs.bzl", "PYTHON")
load("//rules/python/private:runfiles.bzl", "merge_runfiles")

_DOC = "Python sources that others import. Modules are named from the workspace root: rules/image/tools/oci/oci.py is rules.image.tools.oci.oci."

_ATTRS = {
    "data": attr.label_list(
        doc = "Files needed when the code runs.",
        allow_files = True,
    ),
    "deps": attr.label_list(
        doc = "Other Python libraries.",
        providers = [PyInfo],
    ),
    "imports": attr.string_list(
        doc = "More folders to import from, relative to this package. Empty: only the workspace root.",
    ),
    "srcs": attr.label_list(
        doc = "Python files. Empty for a target that only groups deps.",
        allow_files = [".py"],
    ),
    "_compiler": attr.label(
        doc = "The program that byte-compiles.",
        default = "@turnup//rules/python/tools:compile_source.py",
        allow_single_file = True,
    ),
}

def _byte_code(ctx):
    """Compiles srcs; the .pyc files stand where the interpreter looks for them, in runfiles beside the sources."""
    outputs = []
    for src in ctx.files.srcs:
        # pytest compiles test files itself, with its own assert.
        if src.owner.package != ctx.label.package or src.basename.endswith("_test.py"):
            continue
        folder, _, name = src.short_path[len(ctx.label.package):].lstrip("/").rpartition("/")
        output = ctx.actions.declare_file("%s__pycache__/%s.cpython-311.pyc" % (folder + "/" if folder else "", name[:-len(".py")]))
        outputs.append(output)

        # One action a source: where two targets name it, both make the same action, which Bazel then shares.
        args = ctx.actions.args()
        args.add_all(["-I", "-S", ctx.file._compiler, src, output])
        ctx.actions.run(
            executable = PYTHON,
            arguments = [args],
            inputs = [src, ctx.file._compiler],
            outputs = [output],
            mnemonic = "CompilePython",
            progress_message = "Compiling %s" % src.short_path,
        )
    return outputs

def library_providers(ctx):
    """The providers of a target that has srcs, data, deps and imports.

    Args:
      ctx: the rule's context.
    Returns:
      struct(runfiles = runfiles of the whole closure, py_info = PyInfo).
    """

    # The target's own workspace: it may be used from another one.
    root = ctx.label.workspace_name or ctx.workspace_name
    imports = [root] + ["/".join([p for p in [root, ctx.label.package, i] if p not in ("", ".")]) for i in ctx.attr.imports]
    runfiles = ctx.runfiles(files = ctx.files.srcs + ctx.files.data + _byte_code(ctx))
    return struct(
        runfiles = merge_runfiles(runfiles, ctx.attr.deps + ctx.attr.data),
        py_info = PyInfo(
            transitive_sources = depset(ctx.files.srcs, transitive = [d[PyInfo].transitive_sources for d in ctx.attr.deps]),
            imports = depset(imports, transitive = [d[PyInfo].imports for d in ctx.attr.deps]),
        ),
    )

def _impl(ctx):
    library = library_providers(ctx)
    return [
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = library.runfiles),
        library.py_info,
    ]

py_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [PyInfo],
)

PY_LIBRARY_ATTRS = _ATTRS
