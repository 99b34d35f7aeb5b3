"""py_image: an image of a Python program, in layers that change at different rates."""

load("@host_python//:defs.bzl", "PYTHON_VERSION")
load("@rules_python//python:defs.bzl", "py_library")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("//rules/common:labels.bzl", "label_text", "repository_name")
load("//rules/common:runfiles.bzl", "path_in_repository")
load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "EXPANSION", "LAYER_ATTRS", "write_layer")
load("//rules/image/private:locations.bzl", "program_settings")
load("//rules/image/private:prebuilt.bzl", "image_info")
load("//rules/image/private:providers.bzl", "ImageInfo")
load("//rules/image/private:py_layers.bzl", "PyLayersInfo", "ROOT", "add_files", "image_path", "py_layers_aspect", "shared_folders")
load("//rules/image/private:unsupported.bzl", "COMMON")
load("//rules/python:defs.bzl", "py_binary")

_DOC = """Builds an image of a Python program, with a layer for each third-party package.

```
py_image(
    name = "image",
    srcs = ["server.py"],
    main = "server.py",
    base = "//python:base",
    deps = [requirement("redis")],
    ports = ["50051"],
)
```

The layers are the base with the interpreter, one for each third-party package, and one for the program's own files. A change
in the program changes only the last layer, which is small.

Files are at `/app/WORKSPACE/PATH`, as in runfiles, the program starts in `/app/WORKSPACE`, as with `bazel run`, and `$RUNFILES_DIR`
is `/app`. The entrypoint is the interpreter itself,
isolated (`-I -S -B -u -X utf8`), on a short start file that sets the import path; there is no shell, so signals reach the
program. Arguments of the container are `sys.argv[1:]`. Files have mode 0444; ELF files, scripts with `#!` and the programs
of data targets have 0555, so that the program can start them.
"""

# containerd's overlayfs stacks up to 128 layers; the base and the program need some of them.
_MOST_LAYERS = 100

_START = '''import os
import runpy
import sys

sys.path[0:0] = {imports}
os.environ.setdefault("RUNFILES_DIR", "{root}")
sys.argv[0] = "{module}"
runpy.run_module("{module}", run_name="__main__", alter_sys=True)
'''

_ATTRS = {
    "arguments": attr.string_list(
        doc = """Arguments for the program if the container is given none. Empty: none.

`$(location TARGET)` is the path in the image of a file in `data`; `$(NAME)` is a Make variable.""",
    ),
    "binary": attr.label(
        doc = "The py_binary to run.",
        aspects = [py_layers_aspect],
        mandatory = True,
        providers = [PyInfo],
    ),
    "compression": COMPRESSION_ATTR,
    "data": attr.label_list(
        doc = "Files for `$(location TARGET)` in `arguments`. Empty: none.",
        allow_files = True,
    ),
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Empty: the base's.\n\n" + EXPANSION,
    ),
    "interpreter": attr.string(
        doc = "The path of the interpreter in the base. If its name has a version, that must be the version of `@host_python`, for which packages are downloaded.",
        default = "/usr/bin/python3.11",
    ),
    "layers": attr.label_list(
        doc = """Libraries of the program that get a layer each, the first one lowest. Empty: none.

A change of one library changes only its layer and those above it.""",
        providers = [PyInfo],
    ),
}
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)

def _module(ctx):
    """Returns the module that the image runs."""
    info = ctx.attr.binary[PyLayersInfo]
    if info.main_module:
        return info.main_module
    if not info.main:
        fail("binary: %s does not say which file to run. Set its main." % label_text(ctx.attr.binary.label))
    return path_in_repository(info.main)[:-len(".py")].replace("/", ".")

def _check_interpreter(ctx):
    """Fails if the image starts another Python than the one that its packages and byte code are for."""
    version = ctx.attr.interpreter.rpartition("/")[2].partition("python")[2]
    if "." in version and version != PYTHON_VERSION:
        fail("interpreter: %s starts %s, but its packages are for Python %s, which @host_python found. Set base and interpreter to that version, or TURNUP_PYTHON to a Python %s." % (
            label_text(ctx.label),
            ctx.attr.interpreter,
            PYTHON_VERSION,
            version,
        ))

def _check_packages(ctx, layers):
    """Fails if two locks give one package; Python would import that which happens to be first, with the other's dependencies."""
    labels = {}
    for layer in layers:
        other = labels.get(layer.package)
        if layer.package and other:
            fail("deps: %s has the package %s twice, %s and %s. Take it from one lock; generated code takes it from the labels --%s and :grpc." % (
                label_text(ctx.label),
                layer.package,
                other,
                layer.label,
                Label("//rules/python/runtime:protobuf"),
            ))
        labels[layer.package] = layer.label

def _impl(ctx):
    check_settings(ctx.attr)
    if not ctx.attr.base:
        fail("base: %s has no base. Use an image with a Python interpreter, such as //python:base." % label_text(ctx.label))
    if ctx.attr.entrypoint:
        fail("entrypoint: %s has %s, but a py_image starts its binary. Use container_image for another program." % (label_text(ctx.label), ctx.attr.entrypoint))
    _check_interpreter(ctx)
    module = _module(ctx)
    base = image_info(ctx, ctx.attr.base, "base", ctx.attr.architecture, ctx.attr.operating_system)

    # Sorted by label, so that the order of deps does not change the image.
    packages = {layer.label: layer for layer in ctx.attr.binary[PyLayersInfo].layers.to_list()}
    shared = [packages[label] for label in sorted(packages)][:_MOST_LAYERS]
    _check_packages(ctx, [packages[label] for label in sorted(packages)])
    third_party = list(shared)
    covered = {file.path: True for layer in shared for file in layer.files}
    executables = {file.path: True for file in ctx.attr.binary[PyLayersInfo].executables.to_list()}
    launcher = ctx.attr.binary[DefaultInfo].files_to_run.executable
    files = [
        file
        for file in ctx.attr.binary[DefaultInfo].default_runfiles.files.to_list()
        if file != launcher and file.path not in covered
    ]

    # Files of other repositories that the aspect does not see, and packages beyond the limit.
    rest = [file for file in files if repository_name(file.owner)]
    if rest:
        args = ctx.actions.args()
        add_files(args, rest, ctx.workspace_name, executables)
        third_party.append(write_layer(ctx, ctx.label.name + ".third_party", args, depset(rest), compression = ctx.attr.compression, lower = base.folders))
        files = [file for file in files if not repository_name(file.owner)]

    middle = []
    for number, library in enumerate(ctx.attr.layers):
        reached = {file.path: True for file in library[DefaultInfo].default_runfiles.files.to_list()}
        own = [file for file in files if file.path in reached]
        files = [file for file in files if file.path not in reached]
        if own:
            args = ctx.actions.args()
            add_files(args, own, ctx.workspace_name, executables)
            middle.append(write_layer(ctx, "%s.%d" % (ctx.label.name, number), args, depset(own), compression = ctx.attr.compression, lower = base.folders, what = label_text(library.label)))

    start = ctx.actions.declare_file(ctx.label.name + ".start.py")
    imports = ["%s/%s" % (ROOT, path) for path in ctx.attr.binary[PyInfo].imports.to_list()]
    ctx.actions.write(start, _START.format(imports = repr(imports), module = module, root = ROOT))
    args = ctx.actions.args()
    add_files(args, files + [start], ctx.workspace_name, executables)
    args.add_all(shared_folders(shared), format_each = "--beside=%s")
    layer = write_layer(ctx, ctx.label.name, args, depset(files + [start]), compression = ctx.attr.compression, lower = base.folders)

    path = "%s/%s" % (ROOT, image_path(start, ctx.workspace_name))
    settings = program_settings(
        ctx,
        entrypoint = [ctx.attr.interpreter, "-I", "-S", "-B", "-u", "-X", "utf8", path],
        workdir = "%s/%s" % (ROOT, ctx.workspace_name),
    )
    return assemble(ctx, third_party + middle + [layer], base = base, env = ctx.attr.env, attr = settings)

py_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

_IMAGE_NAMES = [name for name in _ATTRS if not name.startswith("_")] + COMMON

# Attributes of all rules that apply to the image and not to the binary.
_NOT_OF_BINARY = ["deprecation", "tags", "visibility"]

# Arguments of other py_binary rules, with the only value that is possible here.
_ONE_PYTHON = {
    "legacy_create_init": None,
    "python_version": "PY3",
    "srcs_version": "PY3",
}

def py_image(name, binary = None, layers = [], **kwargs):
    """Builds an image of a Python program, with a layer for each third-party package.

    Args:
      name: the target's name.
      binary: a py_binary. None: the macro makes one named NAME.binary.

        That py_binary gets `srcs`, `main`, `deps`, `data` and `imports`, and every other attribute that only py_binary has.
        Without `main` it runs `NAME.py` if that is among `srcs`.
      layers: libraries that get a layer each, the first one lowest; they are also deps of the program. Empty: none.

        A change of one library changes only its layer and those above it.
      **kwargs: attributes of the rule, and of py_binary if binary is None.
        args (list of strings): another name of `arguments`, as in rules_docker.
        base (label): the base image, with a Python interpreter, such as `//python:base`. Required.

          It takes everything that `base` of container_image takes.
        data (list of labels): files that the program needs, and that `$(location TARGET)` in `arguments` can name. Empty: none.
        deps (list of labels): Python libraries of the program, without `binary`.
        entrypoint (list of strings): not supported, because the image starts its program. Use container_image for another one.
        imports (list of strings): more folders to import from, without `binary`.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        main (label): the file to run, without `binary`. Unset: NAME.py, or the only one of `srcs`.
        srcs (list of labels): Python files of the program, without `binary`.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Stamp variables are replaced in `creation_time`, `cmd`, `entrypoint`, `user`, `workdir` and in the values of `env` and
          `labels`. A stamp variable is `{KEY}`, where KEY has capital letters, digits and underscores. `creation_time` is
          `{BUILD_TIMESTAMP}` unless it is set. Unset or -1 follows Bazel's `--stamp`.
        workdir (string): the folder the program starts in. Empty: `/app/WORKSPACE`, the root of the data files, as with `bazel run`.
    """
    for attribute, only in _ONE_PYTHON.items():
        if kwargs.pop(attribute, only) not in (only, "PY2AND3", "PY3ONLY", -1, 0, 1):
            fail("//%s:%s: %s asks for another Python, but images have Python 3. Use PY3, or remove it." % (native.package_name(), name, attribute))
    if "args" in kwargs:
        kwargs["arguments"] = kwargs.pop("args")
    if not binary:
        binary = name + ".binary"
        program = {key: value for key, value in kwargs.items() if key not in _IMAGE_NAMES or key == "data" or (key in COMMON and key not in _NOT_OF_BINARY)}
        kwargs = {key: value for key, value in kwargs.items() if key in _IMAGE_NAMES}
        if not program.get("main"):
            # The program has the image's name, not the name of the inner target.
            srcs = program.get("srcs") or []
            named = [src for src in (srcs if type(srcs) == "list" else []) if src.rpartition("/")[2].rpartition(":")[2] == name + ".py"]
            program["main"] = named[0] if named else None
        tags = kwargs.get("tags", [])
        if layers:
            # A separate target, because deps may be a select and may also name these libraries.
            py_library(name = name + ".layers", deps = layers, tags = ["manual"], testonly = kwargs.get("testonly", False), visibility = ["//visibility:private"])
            program["deps"] = (program.get("deps") or []) + [":%s.layers" % name]
        py_binary(name = binary, tags = tags if "manual" in tags else tags + ["manual"], visibility = ["//visibility:private"], **program)
        binary = ":" + binary
    py_image_rule(name = name, binary = binary, layers = layers, **image_arguments(name, kwargs, "py_image", _ATTRS))

def py3_image(name, base = None, **kwargs):
    """Builds a py_image under rules_docker's name, with a default base.

    Args:
      name: the target's name.
      base (label): the base image, with Python 3.11. None: `//rules/image:python_base`, Debian's Python and nothing else.
      **kwargs: arguments of py_image.
    """
    py_image(name = name, base = base or Label("//rules/image:python_base"), **kwargs)
