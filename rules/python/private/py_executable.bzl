"""py_binary and py_test: an isolated interpreter on one module, started by a short shell launcher.

Bazel 4's own stub asks for an interpreter named `python` and starts it twice; this launcher runs the interpreter of
@host_python once, without site-packages (-I -S), with the import path written down at build time.
"""

load("@host_python//:defs.bzl", "PYTHON")
load("//rules/python/private:py_library.bzl", "PY_LIBRARY_ATTRS", "library_providers")

_ATTRS = {
    "env": attr.string_dict(
        doc = "Environment variables to set; $(location x) is expanded to a runfiles path. Empty: none.",
    ),
    "main": attr.label(
        doc = "The file that runs as __main__. None: NAME.py among srcs, or the only one of srcs.",
        allow_single_file = [".py"],
    ),
    "main_module": attr.string(
        doc = "The module to run, where it comes from deps. Empty: the one of main.",
    ),
    "_launcher": attr.label(
        doc = "The launcher's template.",
        default = "//rules/python/tools:launcher.sh.tpl",
        allow_single_file = True,
    ),
}

_ATTRS.update(PY_LIBRARY_ATTRS)

def _main_module(ctx):
    if ctx.attr.main_module:
        return ctx.attr.main_module
    main = ctx.file.main
    if not main:
        named = [f for f in ctx.files.srcs if f.basename == ctx.label.name + ".py"]
        if not named and len(ctx.files.srcs) == 1:
            named = ctx.files.srcs
        if not named:
            fail("main: srcs has no %s.py: name the file to run in main" % ctx.label.name)
        main = named[0]
    path = main.short_path
    if path.startswith("../"):  # A file of another workspace: ../WORKSPACE/path.
        path = "/".join(path.split("/")[2:])
    return path[:-len(".py")].replace("/", ".")

def _impl(ctx):
    library = library_providers(ctx)
    launcher = ctx.actions.declare_file(ctx.label.name)
    exports = [
        "export %s='%s'" % (key, ctx.expand_location(value, ctx.attr.data).replace("'", "'\\''"))
        for key, value in ctx.attr.env.items()
    ]
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%{exports}": "\n".join(exports),
            "%{imports}": " ".join(library.py_info.imports.to_list()),
            "%{module}": _main_module(ctx),
            "%{python}": PYTHON,
            "%{self}": launcher.short_path[len("../"):] if launcher.short_path.startswith("../") else ctx.workspace_name + "/" + launcher.short_path,
        },
    )
    main = [ctx.file.main] if ctx.file.main else []
    return [
        DefaultInfo(
            executable = launcher,
            files = depset([launcher]),
            runfiles = library.runfiles.merge(ctx.runfiles(files = [launcher] + main)),
        ),
        library.py_info,
    ]

py_binary = rule(
    implementation = _impl,
    doc = "A Python program: `bazel run`, a build action's tool, or a JSON persistent worker.",
    attrs = _ATTRS,
    executable = True,
)

py_test = rule(
    implementation = _impl,
    doc = "A Python program whose exit code is the test's result. For pytest see pytest_test in //rules/python:defs.bzl.",
    attrs = _ATTRS,
    test = True,
)
