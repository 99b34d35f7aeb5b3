"""py_image: a Python program in an image, in layers that change at different times."""

load("@rules_python//python:defs.bzl", "py_binary", "py_library")
load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings", "expand")
load("//rules/image/private:prebuilt.bzl", "label_text")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "LAYER_ATTRS", "write_layer")
load("//rules/image/private:providers.bzl", "ImageInfo")
load("//rules/image/private:py_layers.bzl", "PyLayersInfo", "ROOT", "add_files", "image_path", "py_layers_aspect")
load("//rules/image/private:unsupported.bzl", "COMMON")

_DOC = """Makes an image of a py_binary: the base with the interpreter, one layer for each third-party package, one for the
program's own files. A changed line in the program changes only the last, which is small.

Files lie at /app/WORKSPACE/PATH, as in runfiles. The entrypoint is the interpreter itself, isolated (-I -S), on a short
start file that sets the import path: no shell takes part, signals reach the program. Arguments of the container reach it
as sys.argv[1:]. Files are 0444; programs (ELF, scripts with `#!`, what data targets start) are 0555, so that the program can
start them.

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
        doc = "Arguments for the program when the container gets none, in which $(location TARGET) stands for the path in the image of a file of `data`.",
    ),
    "binary": attr.label(
        doc = "The py_binary to put into the image.",
        aspects = [py_layers_aspect],
        mandatory = True,
        providers = [PyInfo],
    ),
    "compression": COMPRESSION_ATTR,
    "data": attr.label_list(
        doc = "Files of the program that `arguments` names.",
        allow_files = True,
    ),
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Empty: the base's.",
    ),
    "interpreter": attr.string(
        doc = "Path of the interpreter in the base.",
        default = "/usr/bin/python3.11",
    ),
    "layers": attr.label_list(
        doc = "Libraries of the program that get a layer each, the first lowest, so that a change of one resends only what lies above. Empty: none.",
        providers = [PyInfo],
    ),
}
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)

def _module(ctx):
    """The module that the image runs."""
    info = ctx.attr.binary[PyLayersInfo]
    if info.main_module:
        return info.main_module
    if not info.main:
        fail("binary: %s has no file that says what to run: give it main" % ctx.attr.binary.label)
    return info.main.short_path[:-len(".py")].replace("/", ".")

def _located(ctx, argument):
    """An argument with $(location TARGET) filled in, as the absolute path that the file has in the image."""
    for kind in ("locations", "execpaths", "rootpaths"):
        if "$(%s " % kind in argument:
            fail("args: found '%s': name one file with $(location TARGET), an argument each" % argument)
    for kind in ("location", "execpath", "rootpath"):
        parts = argument.split("$(%s " % kind)
        front = parts[0]
        for part in parts[1:]:
            name, _, after = part.partition(")")
            files = [
                file
                for target in ctx.attr.data
                if target.label == ctx.label.relative(name.strip())
                for file in target[DefaultInfo].files.to_list()
            ]
            if len(files) != 1:
                fail("args: found '%s', of which %s has %d files in data: name a target with one there" % (argument, name, len(files)))
            front += "%s/%s%s" % (ROOT, image_path(files[0], ctx.workspace_name), after)
        argument = front
    return argument

def _impl(ctx):
    check_settings(ctx.attr)
    if not ctx.attr.base:
        fail("base: found none: name an image with a Python interpreter, such as //python:base")
    if ctx.attr.entrypoint:
        fail("entrypoint: found %s: a py_image starts its binary; use container_image for another program" % ctx.attr.entrypoint)
    module = _module(ctx)

    # Sorted by label: the order in which deps are listed must not change the image.
    packages = {layer.label: layer for layer in ctx.attr.binary[PyLayersInfo].layers.to_list()}
    third_party = [packages[label] for label in sorted(packages)][:_MOST_LAYERS]
    covered = {file.path: True for layer in third_party for file in layer.files}
    executables = {file.path: True for file in ctx.attr.binary[PyLayersInfo].executables.to_list()}
    launcher = ctx.attr.binary[DefaultInfo].files_to_run.executable
    files = [
        file
        for file in ctx.attr.binary[DefaultInfo].default_runfiles.files.to_list()
        if file != launcher and file.path not in covered
    ]

    # What came from another repository by a way that the aspect does not see, and packages beyond the limit.
    rest = [file for file in files if file.owner.workspace_name]
    if rest:
        args = ctx.actions.args()
        add_files(args, rest, ctx.workspace_name, executables)
        third_party.append(write_layer(ctx, ctx.label.name + ".third_party", args, depset(rest), compression = ctx.attr.compression))
        files = [file for file in files if not file.owner.workspace_name]

    middle = []
    for number, library in enumerate(ctx.attr.layers):
        reached = {file.path: True for file in library[DefaultInfo].default_runfiles.files.to_list()}
        own = [file for file in files if file.path in reached]
        files = [file for file in files if file.path not in reached]
        if own:
            args = ctx.actions.args()
            add_files(args, own, ctx.workspace_name, executables)
            middle.append(write_layer(ctx, "%s.%d" % (ctx.label.name, number), args, depset(own), compression = ctx.attr.compression, what = label_text(library.label)))

    start = ctx.actions.declare_file(ctx.label.name + ".start.py")
    imports = ["%s/%s" % (ROOT, path) for path in ctx.attr.binary[PyInfo].imports.to_list()]
    ctx.actions.write(start, _START.format(imports = repr(imports), module = module, root = ROOT))
    args = ctx.actions.args()
    add_files(args, files + [start], ctx.workspace_name, executables)
    layer = write_layer(ctx, ctx.label.name, args, depset(files + [start]), compression = ctx.attr.compression)

    arguments = [expand(ctx, "args", _located(ctx, argument)) for argument in ctx.attr.arguments]
    path = "%s/%s" % (ROOT, image_path(start, ctx.workspace_name))
    settings = struct(**dict(
        {name: getattr(ctx.attr, name) for name in IMAGE_ATTRS if not name.startswith("_")},
        cmd = arguments or ctx.attr.cmd,
        entrypoint = [ctx.attr.interpreter, "-I", "-S", "-B", "-u", "-X", "utf8", path],
        workdir = ctx.attr.workdir or ROOT,
    ))
    return assemble(ctx, third_party + middle + [layer], env = ctx.attr.env, attr = settings)

py_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

_IMAGE_NAMES = [name for name in _ATTRS if not name.startswith("_")] + COMMON

# Of the attributes that every rule has, those that are the image's alone.
_NOT_OF_BINARY = ["deprecation", "tags", "visibility"]

# Arguments of other rules' py_binary that say what holds here anyway.
_ONE_PYTHON = {
    "legacy_create_init": None,
    "python_version": "PY3",
    "srcs_version": "PY3",
}

def py_image(name, binary = None, layers = [], **kwargs):
    """Makes an image of a Python program; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      binary: a py_binary. None: one named NAME.binary is made from srcs, main, deps, data, imports and env.
      layers: libraries that get a layer each; they are deps of the program too.
      **kwargs: the rule's attributes, and py_binary's where binary is None. args is another name of arguments.
    """
    for attribute, only in _ONE_PYTHON.items():
        if kwargs.pop(attribute, only) not in (only, "PY2AND3", "PY3ONLY", -1, 0, 1):
            fail("//%s:%s: %s: images have one Python, 3.11: write PY3, or leave it out" % (native.package_name(), name, attribute))
    if "args" in kwargs:
        kwargs["arguments"] = kwargs.pop("args")
    if not binary:
        binary = name + ".binary"
        program = {key: value for key, value in kwargs.items() if key not in _IMAGE_NAMES or key == "data" or (key in COMMON and key not in _NOT_OF_BINARY)}
        kwargs = {key: value for key, value in kwargs.items() if key in _IMAGE_NAMES}
        if not program.get("main"):
            # The program is named like the image, not like the target that holds it.
            srcs = program.get("srcs") or []
            named = [src for src in (srcs if type(srcs) == "list" else []) if src.rpartition("/")[2].rpartition(":")[2] == name + ".py"]
            program["main"] = named[0] if named else None
        tags = kwargs.get("tags", [])
        if layers:
            # A target of their own: deps may be a select, and may name them, too.
            py_library(name = name + ".layers", deps = layers, tags = ["manual"], testonly = kwargs.get("testonly", False), visibility = ["//visibility:private"])
            program["deps"] = (program.get("deps") or []) + [":%s.layers" % name]
        py_binary(name = binary, tags = tags if "manual" in tags else tags + ["manual"], visibility = ["//visibility:private"], **program)
        binary = ":" + binary
    py_image_rule(name = name, binary = binary, layers = layers, **image_arguments(name, kwargs, "py_image", _ATTRS))

def py3_image(name, base = None, **kwargs):
    """py_image under rules_docker's name, with a base where none is given.

    Args:
      name: the target's name.
      base: image with Python 3.11 to build on. None: //rules/image:python_base, Debian's Python and nothing else.
      **kwargs: see py_image.
    """
    py_image(name = name, base = base or Label("//rules/image:python_base"), **kwargs)
