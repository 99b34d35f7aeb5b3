"""The shared part of py_binary and py_test: an isolated interpreter that runs one module, started by a short shell launcher.

Bazel 4's own stub needs an interpreter named `python` and starts it twice. This launcher starts the interpreter of
@host_python once, without site-packages (-I -S) and with an import path that is known at build time.
"""

load("@host_python//:defs.bzl", "PYTHON")
load("//rules/common:runfiles.bzl", "path_in_repository", "runfiles_path")
load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")
load("//rules/python/private:py_library.bzl", "PY_LIBRARY_ATTRS", "check_version", "library_providers")

PY_EXECUTABLE_ATTRS = {
    "env": attr.string_dict(
        doc = "Environment variables; `$(location x)` expands to a runfiles path. Empty: none.",
    ),
    "main": attr.label(
        doc = "The file that runs as `__main__`. None: `NAME.py` in `srcs`, or the only file in `srcs`.",
        allow_single_file = [".py"],
    ),
    "main_module": attr.string(
        doc = "The module to run, if it comes from `deps`. Empty: the module of `main`.",
    ),
    "python_version": attr.string(
        doc = "`PY3`; no effect. Empty: PY3. `PY2` is an error.",
    ),
    "_launcher": attr.label(
        doc = "The launcher's template.",
        default = Label("//rules/python/tools:launcher.sh.tpl"),
        allow_single_file = True,
    ),
}

PY_EXECUTABLE_ATTRS.update(PY_LIBRARY_ATTRS)

def _main_module(ctx):
    if ctx.attr.main_module:
        return ctx.attr.main_module
    main = ctx.file.main
    if not main:
        named = [f for f in ctx.files.srcs if f.basename == ctx.label.name + ".py"]
        if not named and len(ctx.files.srcs) == 1:
            named = ctx.files.srcs
        if not named:
            fail("main: the value is empty, and srcs has no %s.py. Set main to the file to run." % ctx.label.name)
        main = named[0]
    return path_in_repository(main)[:-len(".py")].replace("/", ".")

def py_executable(ctx):
    """Declares the launcher of a program.

    Args:
      ctx: the context of a rule with PY_EXECUTABLE_ATTRS.
    Returns:
      list of providers: DefaultInfo, PyInfo.
    """
    check_version(ctx, "python_version")
    library = library_providers(ctx)
    launcher = ctx.actions.declare_file(ctx.label.name)
    exports = [
        "export %s=%s" % (key, shell_word(ctx.expand_location(value, ctx.attr.data)))
        for key, value in ctx.attr.env.items()
    ]
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%{exports}": "\n".join(exports),
            "%{imports}": in_double_quotes(" ".join(library.py_info.imports.to_list())),
            "%{module}": in_double_quotes(_main_module(ctx)),
            "%{python}": PYTHON,
            "%{self}": in_double_quotes(runfiles_path(ctx, launcher)),
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
