"""Images of programs that are not scripts: the part that cc_image and go_image share."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:arguments.bzl", "image_arguments")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:compression.bzl", "CompressionInfo")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "EXPANSION", "LAYER_ATTRS", "check_paths")
load("//rules/image/private:locations.bzl", "program_settings")
load("//rules/image/private:prebuilt.bzl", "add_image", "archive_name", "image_files", "image_info", "list_folders")
load("//rules/image/private:providers.bzl", "ImageInfo", "LayerInfo")
load("//rules/image/private:py_layers.bzl", "ROOT", "image_path")
load("//rules/image/private:unsupported.bzl", "COMMON")

PROGRAM_ATTRS = {
    "binary": attr.label(
        doc = "The program: a target with one executable, or one file. It may come from any rule, or be in the repository.",
        allow_files = True,
        mandatory = True,
    ),
    "compression": COMPRESSION_ATTR,
    "data": attr.label_list(
        doc = "More files for the image, besides those that the program's own data names. Empty: none.",
        allow_files = True,
    ),
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Empty: the base's.\n\n" + EXPANSION,
    ),
    "exclude": attr.string_list(
        doc = "Patterns of files of the packages to leave out; `*` also matches `/`. Empty: none.",
        default = [
            # Character sets of the C library besides UTF-8, and modules of a debugger.
            "usr/lib/*/gconv/*",
            "usr/share/gcc/*",
        ],
    ),
    "layers": attr.label_list(
        doc = "container_layer targets, lowest first, between the libraries and the program. Empty: none.",
        providers = [LayerInfo],
    ),
    "libraries": attr.string_list(
        doc = "Sonames of libraries that the program loads by itself when it runs (dlopen), such as `libnss_ldap.so.2`. Empty: none.",
    ),
    "packages": attr.label_list(
        doc = "Debian packages that may have the program's libraries, usually `@NAME//:debs` of debian_packages repositories. Those that have one go into the image.",
        allow_files = [".deb"],
    ),
    "_index_tool": attr.label(
        doc = "The program that lists the libraries of packages and of the base.",
        default = Label("//rules/image/tools/linking:index_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_program_tool": attr.label(
        doc = "The program that finds the libraries of the program, and writes its layers.",
        default = Label("//rules/image/tools/linking:layer_tool"),
        executable = True,
        cfg = "exec",
    ),
}
PROGRAM_ATTRS.update(IMAGE_ATTRS)
PROGRAM_ATTRS.update(LAYER_ATTRS)

def _index(ctx, base):
    """Declares the action that lists the libraries of the packages and of the base; returns the file."""
    out = ctx.actions.declare_file(ctx.label.name + ".libraries.json")
    args = ctx.actions.args()
    args.add(label_text(ctx.label), format = "--where=%s")
    args.add(out, format = "--out=%s")
    args.add_all(ctx.files.packages, format_each = "--deb=%s")
    add_image(args, base, archive_name(ctx.label))
    run_image_tool(
        ctx,
        ctx.attr._index_tool[DefaultInfo].files_to_run,
        args,
        inputs = depset(ctx.files.packages + image_files(base)),
        outputs = [out],
        mnemonic = "ImageLibraries",
        message = "Listing libraries for %s" % label_text(ctx.label),
        worker = True,
    )
    return out

def _layer_arguments(ctx, args, name, lower):
    """Adds the options of the layer tool to a command line, and returns struct(blob = File, descriptor = File)."""
    args.add(lower, format = "--lower=%s")
    info = ctx.attr._compression[CompressionInfo]
    kind = ctx.attr.compression or info.kind
    blob = ctx.actions.declare_file(name + ".layer.tar" + {"gzip": ".gz", "none": "", "zstd": ".zst"}[kind])
    descriptor = ctx.actions.declare_file(name + ".layer.json")
    args.add(label_text(ctx.label), format = "--where=%s")
    args.add(blob, format = "--blob=%s")
    args.add(descriptor, format = "--descriptor=%s")
    args.add(kind if kind != "zstd" else "zstd:%d" % info.level, format = "--compression=%s")
    return struct(blob = blob, descriptor = descriptor)

def _program(ctx):
    """Returns the file of the program and its other files."""
    info = ctx.attr.binary[DefaultInfo]
    program = info.files_to_run.executable
    if not program:
        files = info.files.to_list()
        if len(files) != 1:
            fail("binary: %s has %d files and none is its program. Use a target with one file, or a rule that builds a program." % (label_text(ctx.attr.binary.label), len(files)))
        program = files[0]
    runfiles = info.default_runfiles.files.to_list() if info.default_runfiles else []
    others = {file.path: file for file in runfiles + ctx.files.data if file != program}
    return program, [others[path] for path in sorted(others)]

def _image_path(ctx, file):
    """Returns the absolute path of a file in the image."""
    return "%s/%s" % (ROOT, image_path(file, ctx.workspace_name))

def program_image_impl(ctx):
    """Builds the image; the implementation of cc_image and go_image.

    Args:
      ctx: context of a rule with PROGRAM_ATTRS.
    Returns:
      list of providers.
    """
    check_settings(ctx.attr)
    check_paths(ctx.attr.exclude, "exclude")
    if not ctx.attr.base:
        fail("base: %s has no base. Use an image, such as //rules/image:static_base." % label_text(ctx.label))
    if ctx.attr.entrypoint:
        fail("entrypoint: %s has %s, but the image starts its binary. Use container_image for another program." % (label_text(ctx.label), ctx.attr.entrypoint))
    base = image_info(ctx, ctx.attr.base, "base", ctx.attr.architecture, ctx.attr.operating_system)
    program, others = _program(ctx)
    index = _index(ctx, base)
    middle = [target[LayerInfo] for target in ctx.attr.layers]

    # The program's layer decides which libraries there are, so it cannot be fitted to them. They fit the base themselves.
    lower = list_folders(ctx, ctx.label.name + ".lower.json", base = base.folders, upper = middle) if middle else base.folders
    selection = ctx.actions.declare_file(ctx.label.name + ".packages.json")
    args = ctx.actions.args()
    args.add("program")
    layer = _layer_arguments(ctx, args, ctx.label.name, lower)
    args.add(index, format = "--index=%s")
    args.add(selection, format = "--selection=%s")
    args.add(ctx.attr.architecture, format = "--architecture=%s")
    args.add_all(ctx.attr.libraries, format_each = "--library=%s")
    args.add_all(["--packages"] if ctx.files.packages else [])
    args.add_all(["--binary", _image_path(ctx, program), program])
    for file in others:
        args.add_all(["--own", _image_path(ctx, file)])
        args.add_all([file], expand_directories = False)
    run_image_tool(
        ctx,
        ctx.attr._program_tool[DefaultInfo].files_to_run,
        args,
        inputs = depset([index, lower, program] + others),
        outputs = [layer.blob, layer.descriptor, selection],
        mnemonic = "ImageProgram",
        message = "Writing layer %s" % label_text(ctx.label),
        worker = True,
    )
    libraries = []
    if ctx.files.packages:
        args = ctx.actions.args()
        args.add("libraries")
        written = _layer_arguments(ctx, args, ctx.label.name + ".libraries", base.folders)
        args.add(selection, format = "--selection=%s")
        args.add_all(ctx.attr.exclude, format_each = "--exclude=%s")
        run_image_tool(
            ctx,
            ctx.attr._program_tool[DefaultInfo].files_to_run,
            args,
            inputs = depset([base.folders, selection] + ctx.files.packages),
            outputs = [written.blob, written.descriptor],
            mnemonic = "ImageLayer",
            message = "Writing libraries of %s" % label_text(ctx.label),
            worker = True,
        )
        libraries.append(written)
    checks = [list_folders(ctx, ctx.label.name + ".checked.json", base = base.folders, own = libraries, upper = middle)] if libraries and middle else []
    settings = program_settings(ctx, entrypoint = [_image_path(ctx, program)], workdir = "%s/%s" % (ROOT, ctx.workspace_name))
    env = dict({"RUNFILES_DIR": ROOT}, **ctx.attr.env)
    return assemble(ctx, libraries + middle + [layer], attr = settings, base = base, checks = checks, env = env)

def program_image_rule(doc):
    """Returns the rule of cc_image or go_image.

    Args:
      doc: the rule's documentation.
    Returns:
      rule.
    """
    return rule(
        implementation = program_image_impl,
        doc = doc,
        attrs = PROGRAM_ATTRS,
        outputs = IMAGE_OUTPUTS,
        provides = [ImageInfo],
    )

_IMAGE_NAMES = [name for name in PROGRAM_ATTRS if not name.startswith("_")] + COMMON

# Attributes of all rules that apply to the image and to its program.
_OF_BOTH = ["compatible_with", "data", "exec_compatible_with", "features", "restricted_to", "target_compatible_with", "testonly", "toolchains"]

def program_arguments(kind, program_rule, name, binary, arguments):
    """Returns the arguments of the rule behind cc_image or go_image, and declares the program unless there is one.

    Args:
      kind: the macro's name, for errors.
      program_rule: the rule or macro of the program.
      name: the image's name.
      binary: the program. None: `program_rule` makes one named NAME.binary.
      arguments: dict, the macro's other arguments: those of the image, and of the program if binary is None.
    Returns:
      dict with `binary` and the arguments of the image.
    """
    arguments = dict(arguments)
    if "args" in arguments:
        arguments["cmd"] = arguments.pop("args")
    if not binary:
        program = {key: value for key, value in arguments.items() if key not in _IMAGE_NAMES or key in _OF_BOTH}
        program_rule(name = name + ".binary", tags = ["manual"], visibility = ["//visibility:private"], **program)
        arguments = {key: value for key, value in arguments.items() if key in _IMAGE_NAMES and key != "data"}
        binary = ":%s.binary" % name
    return image_arguments(name, dict(arguments, binary = binary), kind, PROGRAM_ATTRS)
