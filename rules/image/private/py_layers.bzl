"""An aspect that builds a layer for each third-party package, shared by all images that need the package."""

load("@rules_python//python:py_info.bzl", "PyInfo")
load("//rules/common:labels.bzl", "apparent_name", "repository_name")
load("//rules/image/private:layer.bzl", "LAYER_ATTRS", "write_layer")

PyLayersInfo = provider(
    doc = "The layers of the third-party packages that a Python target needs, and how to start the target.",
    fields = {
        "executables": "depset of Files: the programs of data targets.",
        "layers": """depset of `struct(label = string, package = string, blob = File, descriptor = File, files = tuple)`.

`files` are the Files in the layer. `package` is the third-party package of a lock. Empty: the target is not of a lock.""",
        "main": "File or None: the file that a program runs.",
        "main_module": "string: the module that a program runs, if no file names it. Empty: main names it.",
    },
)

# The folder of runfiles in an image. It is the same for all images because the shared third-party layers contain it.
ROOT = "/app"

def image_path(file, workspace):
    """Returns the path in an image of a file of the runfiles.

    Args:
      file: File.
      workspace: name of the main workspace.
    Returns:
      path below ROOT, without a leading '/'.
    """
    return file.short_path[len("../"):] if file.short_path.startswith("../") else workspace + "/" + file.short_path

def add_files(args, files, workspace, executables = {}):
    """Adds runfiles to a layer tool's command line; a directory is added as a whole.

    Args:
      args: Args.
      files: list of Files.
      workspace: name of the main workspace.
      executables: dict with the paths of files that are programs regardless of their first bytes.
    """
    args.add("--directory=" + ROOT)
    args.add("--mode=content")
    args.add("--owner=65532:65532")
    for file in files:
        kind = "--tree" if file.is_directory else "--program" if file.path in executables else "--file"
        args.add_all([kind, image_path(file, workspace)])
        args.add_all([file], expand_directories = False)

def shared_folders(layers):
    """Returns the folders of layers of third-party packages, which images share and which therefore fit no base.

    Args:
      layers: list of structs with files, a tuple of Files of other repositories.
    Returns:
      list of absolute paths.
    """
    return sorted({"%s/%s" % (ROOT, file.short_path.split("/")[1]): True for layer in layers for file in layer.files}.keys())

def _main(target, rule_attr, rule_file):
    """Returns the file that a py_binary runs, by the convention of Bazel's own rule."""
    main = getattr(rule_file, "main", None)
    if main:
        return main
    sources = []
    for src in getattr(rule_attr, "srcs", []) or []:
        sources += [f for f in src[DefaultInfo].files.to_list() if f.extension == "py"]
    named = [f for f in sources if f.basename == target.label.name.rpartition("/")[2] + ".py"]
    if not named and len(sources) == 1:
        named = sources
    return named[0] if named else None

def data_program(target):
    """Returns the program of a data target.

    Args:
      target: Target.
    Returns:
      File; None for a plain file, which Bazel also calls an executable.
    """
    found = target[DefaultInfo].files_to_run.executable
    return found if found and not found.is_source and found.owner == target.label else None

# Attributes with the libraries of a program: deps, and the runtimes of generated code.
_EDGES = ["deps", "_runtime", "runtime"]

def _aspect_impl(target, ctx):
    inherited = []
    executables = []
    for edge in _EDGES:
        found = getattr(ctx.rule.attr, edge, None) or []
        for dep in found if type(found) == "list" else [found]:
            if type(dep) == "Target" and PyLayersInfo in dep:
                inherited.append(dep[PyLayersInfo].layers)
                executables.append(dep[PyLayersInfo].executables)
    own = []
    if repository_name(target.label) and PyInfo in target:
        files = target[DefaultInfo].files.to_list()
        if files:
            args = ctx.actions.args()
            add_files(args, files, ctx.workspace_name)
            what = "%s//%s" % (apparent_name(repository_name(target.label)), target.label.package)
            layer = write_layer(
                ctx,
                target.label.name + ".image",
                args,
                depset(files),
                what = "third party: " + what,
            )
            package = target.label.package if ctx.rule.kind == "wheel_library" else ""
            own.append(struct(label = str(target.label), package = package, blob = layer.blob, descriptor = layer.descriptor, files = tuple(files)))
    programs = [data_program(dep) for dep in getattr(ctx.rule.attr, "data", None) or []]
    return [PyLayersInfo(
        executables = depset([program for program in programs if program], transitive = executables),
        layers = depset(own, transitive = inherited),
        main = _main(target, ctx.rule.attr, ctx.rule.file),
        main_module = getattr(ctx.rule.attr, "main_module", ""),
    )]

py_layers_aspect = aspect(
    implementation = _aspect_impl,
    doc = "Builds a layer for each library of another repository among the transitive deps.",
    attr_aspects = _EDGES,
    attrs = LAYER_ATTRS,
)
