"""Runs the Go command in an action: the part that go_binary and go_test share."""

load("//rules/common:labels.bzl", "short_folder")
load(":providers.bzl", "GoModuleInfo", "GoSourcesInfo")

SOURCES_ATTRS = {
    "deps": attr.label_list(
        providers = [GoSourcesInfo],
        doc = "go_library and go_proto_library targets with the packages of this module that are imported. Empty: none.",
    ),
    "embedsrcs": attr.label_list(
        allow_files = True,
        doc = "Files that `//go:embed` names. Empty: none.",
    ),
    "srcs": attr.label_list(
        allow_files = [".go", ".s"],
        doc = "The Go files of the package. Empty: the package comes from another module.",
    ),
}

COMPILE_ATTRS = {
    "gotags": attr.string_list(
        doc = "Build tags. Empty: only Go's own.",
    ),
    "module": attr.label(
        mandatory = True,
        providers = [GoModuleInfo],
        doc = "The module that the package belongs to: `@NAME//:module` of a go_modules repository, or a go_module.",
    ),
    "package": attr.string(
        doc = "The package to build, relative to the folder of go.mod (`./server`), or the import path of one in a required module. Empty: the target's own folder.",
    ),
    "_build_tool": attr.label(
        default = Label("//rules/go/tools:go_build"),
        executable = True,
        cfg = "exec",
        doc = "The program that runs Go.",
    ),
    "_go": attr.label(
        default = Label("@host_go//:go.json"),
        allow_single_file = True,
        doc = "What the Go toolchain is.",
    ),
}

def sources_info(ctx, importpath = ""):
    """Returns the GoSourcesInfo of a target with SOURCES_ATTRS.

    Args:
      ctx: the rule's context.
      importpath: the package of the files. Empty: their place decides.
    Returns:
      GoSourcesInfo.
    """
    own = [struct(file = file, importpath = importpath) for file in ctx.files.srcs + ctx.files.embedsrcs]
    return GoSourcesInfo(sources = depset(own, transitive = [dep[GoSourcesInfo].sources for dep in ctx.attr.deps]))

def _source(source):
    """Returns the arguments of one source: its import path, its path in the workspace and its path for the action."""
    return ["--source", source.importpath, source.file.short_path, source.file.path]

def run_go(ctx, out, *, mode, status = [], x_defs = {}):
    """Declares the action that builds a program or a test.

    Args:
      ctx: context of a rule with SOURCES_ATTRS and COMPILE_ATTRS.
      out: File, the executable.
      mode: `build` or `test`.
      status: Files of Bazel's workspace status, if values of x_defs name its variables. Empty: none.
      x_defs: dict from `PACKAGE.NAME` to string: variables that the linker sets. Empty: none.
    """
    module = ctx.attr.module[GoModuleInfo]
    sources = sources_info(ctx).sources
    args = ctx.actions.args()
    args.add(mode)
    args.add(str(ctx.label), format = "--where=%s")
    args.add(ctx.file._go, format = "--go=%s")
    args.add(out, format = "--out=%s")
    args.add_all(["--go-mod", module.go_mod.short_path, module.go_mod])
    args.add_all([module.go_sum] if module.go_sum else [], format_each = "--go-sum=%s")
    args.add(ctx.attr.package, format = "--package=%s")
    args.add(short_folder(ctx.label), format = "--folder=%s")
    args.add_all(ctx.attr.gotags, format_each = "--tag=%s")
    args.add_all(status, format_each = "--status=%s")
    for variable, value in x_defs.items():
        args.add("%s=%s" % (variable, value), format = "--define=%s")
    args.add_all(sources, map_each = _source)
    args.add_all(module.downloads, format_each = "--download=%s")
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    ctx.actions.run(
        executable = ctx.attr._build_tool[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = depset(
            [ctx.file._go, module.go_mod] + ([module.go_sum] if module.go_sum else []) + status + [source.file for source in sources.to_list()],
            transitive = [module.downloads],
        ),
        outputs = [out],
        mnemonic = "GoBuild" if mode == "build" else "GoTestBuild",
        progress_message = "Building Go %s %s" % ("program" if mode == "build" else "test", ctx.label),
        # Modules are inputs. The sandbox, if it can, keeps the action from the network.
        execution_requirements = {"block-network": "1"},
    )
