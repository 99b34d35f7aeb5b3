"""py_library without a Python toolchain: sources, data and import paths as PyInfo."""

load("@host_python//:defs.bzl", "PYTHON", "PYTHON_VERSION")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("//rules/common:labels.bzl", "repository_name")
load("//rules/common:runfiles.bzl", "path_in_repository")
load("//rules/python/private:runfiles.bzl", "merge_runfiles")

_DOC = """Makes Python files importable for other targets.

A module's name is its path from the workspace root: `rules/common/caches.py` is `rules.common.caches`."""

# Values of Bazel's attributes for the version of Python that every Python 3 fulfils.
_PYTHON_3 = ["", "PY2AND3", "PY3", "PY3ONLY"]

_ATTRS = {
    "data": attr.label_list(
        doc = "Files that the code needs at run time. Empty: none.",
        allow_files = True,
    ),
    "deps": attr.label_list(
        doc = "Other Python libraries. Empty: none.",
        providers = [PyInfo],
    ),
    "imports": attr.string_list(
        doc = "More folders to import from, relative to the package. Empty: only the workspace root.",
    ),
    "srcs": attr.label_list(
        doc = "Python files, which are byte-compiled at build time. Empty: the target only groups `deps`.",
        allow_files = [".py"],
    ),
    "srcs_version": attr.string(
        doc = "`PY3`, `PY2AND3` or `PY3ONLY`; no effect. Empty: PY3. `PY2` and `PY2ONLY` are errors.",
    ),
    "_compiler": attr.label(
        doc = "The program that byte-compiles a file.",
        default = Label("//rules/python/tools:compile_source.py"),
        allow_single_file = True,
    ),
}

def _byte_code(ctx):
    """Compiles srcs; the .pyc files are in runfiles beside the sources, where the interpreter looks for them."""
    outputs = []
    for src in ctx.files.srcs:
        # pytest compiles test files itself, with its own assert.
        if src.owner.package != ctx.label.package or src.basename.endswith("_test.py"):
            continue
        folder, _, name = path_in_repository(src)[len(ctx.label.package):].lstrip("/").rpartition("/")
        output = ctx.actions.declare_file("%s__pycache__/%s.cpython-%s.pyc" % (folder + "/" if folder else "", name[:-len(".py")], PYTHON_VERSION.replace(".", "")))
        outputs.append(output)

        # One action per source: two targets with the same source declare the same action, which Bazel shares.
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

def check_version(ctx, attribute):
    """Fails if an attribute asks for a Python that the rules do not have.

    Args:
      ctx: the rule's context.
      attribute: `python_version` or `srcs_version`.
    """
    found = getattr(ctx.attr, attribute)
    if found not in _PYTHON_3:
        fail("%s: '%s' asks for a Python that these rules do not have. Use PY3, or remove it." % (attribute, found))

def library_providers(ctx):
    """Returns the runfiles and PyInfo of a target with srcs, data, deps and imports.

    Args:
      ctx: the rule's context.
    Returns:
      struct(runfiles = runfiles of the whole closure, py_info = PyInfo).
    """

    check_version(ctx, "srcs_version")

    # The target's own workspace; another workspace may use it.
    root = repository_name(ctx.label) or ctx.workspace_name
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
