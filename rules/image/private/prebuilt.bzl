"""Prebuilt images: turns OCI layouts and archives, as files, into an ImageInfo wherever a rule takes an image."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:providers.bzl", "ImageInfo", "LayerInfo")

# Part of the doc of each attribute that takes an image.
PREBUILT = """An image is a target of these rules, or any other target with one OCI layout (a folder or its files) or one tar (an OCI
layout, or the output of `docker save`)."""

PREBUILT_ATTRS = {
    "_archive_tool": attr.label(
        doc = "The program that writes archives and layouts.",
        default = Label("//rules/image/tools/images:archive_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_import_tool": attr.label(
        doc = "The program that reads prebuilt images.",
        default = Label("//rules/image/tools/images:import_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_lower_tool": attr.label(
        doc = "The program that lists the folders and links of images.",
        default = Label("//rules/image/tools/layers:lower_tool"),
        executable = True,
        cfg = "exec",
    ),
    "_sbom_tool": attr.label(
        doc = "The program that writes SBOMs.",
        default = Label("//rules/image/tools/images:sbom_tool"),
        executable = True,
        cfg = "exec",
    ),
}

# The characters of image tags. isalnum() is also true for letters of other alphabets.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

def archive_name(label):
    """Returns the name that an image has after `docker load`: bazel/PACKAGE:TARGET, in the characters that names may have.

    Args:
      label: Label of the image.
    Returns:
      string.
    """
    text = "bazel/" + label.package if label.package else "bazel"
    repository = "".join([c if c in "abcdefghijklmnopqrstuvwxyz0123456789/" else "-" for c in text.lower().elems()])
    parts = [p.strip("-") for p in repository.split("/")]
    tag = "".join([c if c in _LETTERS else "-" for c in label.name.elems()]).lstrip(".-")
    return "%s:%s" % ("/".join([p for p in parts if p]), tag or "latest")

def image_files(info):
    """Lists all files of an image.

    Args:
      info: ImageInfo.
    Returns:
      list of Files: manifest, config, and each layer's blob and descriptor.
    """
    return [info.manifest, info.config] + [f for layer in info.layers for f in ((layer.blob, layer.descriptor) if layer.blob != layer.descriptor else (layer.blob,))]

def add_image(args, info, name):
    """Adds an image to the command line of a tool that reads images.

    Args:
      args: Args.
      info: ImageInfo.
      name: the image's name, for messages and archives.
    """
    args.add_all(["--image", name, info.manifest, info.config])

    # A folder of layers stays one argument.
    args.add_all([layer.blob for layer in info.layers], before_each = "--layer", expand_directories = False)

def write_archive(ctx, images, option, output, status = [], by_flag = False):
    """Declares the action that puts images into one tar or folder.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      images: dict from the image's name in the archive to ImageInfo or struct with manifest, config and layers.
      option: --tar or --layout.
      output: File to write, a folder for --layout.
      status: list of workspace status Files for stamp variables in the names.
      by_flag: whether names may keep their stamp variables, because the build is without `--stamp`.
    """
    args = ctx.actions.args()
    args.add_all(["--by-flag"] if by_flag else [])
    args.add_all([output], before_each = option, expand_directories = False)
    args.add_all(status, before_each = "--status")
    files = list(status)
    for name, info in images.items():
        add_image(args, info, name)
        files += image_files(info)
    run_image_tool(
        ctx,
        ctx.attr._archive_tool[DefaultInfo].files_to_run,
        args,
        inputs = files,
        outputs = [output],
        mnemonic = "ImageArchive",
        message = "Writing %s" % output.short_path,
    )

def list_folders(ctx, name, *, base = None, image = None, upper = [], own = []):
    """Declares the action that lists the folders and links of layers, for the layers on top of them.

    It runs only if a layer needs the list, and fails if a layer of `upper` replaces a folder or link below it.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      name: the name of the list.
      base: File, the list of the layers below. None: there are none, or image has them.
      image: ImageInfo or struct with manifest, config and layers: a prebuilt image. None: the lowest layers are those of base.
      upper: list of LayerInfo on top of base or image, lowest first.
      own: list of structs with blob and descriptor, on top of upper, lowest first.
    Returns:
      File.
    """
    output = ctx.actions.declare_file(name)
    where = label_text(ctx.label)
    args = ctx.actions.args()
    args.add("--where", where)
    args.add("--output", output)
    args.add_all([base] if base else [], before_each = "--base")
    if image:
        add_image(args, image, where)
    for layer in upper:
        args.add_all(["--upper", layer.blob, layer.descriptor])
    for layer in own:
        args.add_all(["--own", layer.blob, layer.descriptor])
    run_image_tool(
        ctx,
        ctx.attr._lower_tool[DefaultInfo].files_to_run,
        args,
        inputs = ([base] if base else []) + (image_files(image) if image else []) + [file for layer in upper + own for file in (layer.blob, layer.descriptor)],
        outputs = [output],
        mnemonic = "ImageLower",
        message = "Reading folders of %s" % where,
        worker = True,
    )
    return output

def image_info(ctx, target, attribute, architecture = "", os = "linux"):
    """Returns the image of a target; reads it from the target's files if it is not a target of these rules.

    Args:
      ctx (ctx): the context of a rule with PREBUILT_IMAGE_ATTRS.
      target (Target): a target of an attribute with `allow_files`.
      attribute (string): the attribute's name, for errors.
      architecture (string): the architecture to take from a multi-platform image. Empty: the only one, or amd64.
      os (string): the operating system to take.

    Returns:
      ImageInfo.
    """
    if ImageInfo in target:
        return target[ImageInfo]
    files = target[DefaultInfo].files.to_list()
    what = label_text(target.label)
    if LayerInfo in target:
        fail("%s: %s is a layer, not an image. Use an image here; layers go into the attribute layers of a container_image." % (attribute, what))
    if not files:
        fail("%s: %s is not an image and has no files. Use an image target, an OCI layout or a tar." % (attribute, what))
    stem = "%s.%s.%s" % (ctx.label.name, attribute, "".join([c if c in _LETTERS else "_" for c in what.strip("/").elems()]))
    manifest = ctx.actions.declare_file(stem + ".manifest.json")
    config = ctx.actions.declare_file(stem + ".config.json")
    digest = ctx.actions.declare_file(stem + ".digest")
    layers = ctx.actions.declare_directory(stem + ".layers")
    args = ctx.actions.args()
    args.add("--where", "%s: %s of %s" % (label_text(ctx.label), attribute, what))
    args.add("--manifest", manifest)
    args.add("--config", config)
    args.add("--digest", digest)
    args.add_all([layers], before_each = "--layers", expand_directories = False)
    args.add("--architecture=" + architecture)
    args.add("--os", os)
    args.add_all(files, expand_directories = False)
    run_image_tool(
        ctx,
        ctx.attr._import_tool[DefaultInfo].files_to_run,
        args,
        inputs = files,
        outputs = [manifest, config, digest, layers],
        mnemonic = "ImageImport",
        message = "Reading image %s" % what,
    )
    parts = struct(config = config, layers = [struct(blob = layers, descriptor = layers)], manifest = manifest)
    archive = ctx.actions.declare_file(stem + ".tar")
    write_archive(ctx, {archive_name(target.label): parts}, "--tar", archive)
    folders = list_folders(ctx, stem + ".folders.json", image = parts)
    return ImageInfo(archive = archive, config = config, digest = digest, folders = folders, layers = parts.layers, manifest = manifest)

def _write_sbom(ctx, info):
    """Declares the action that writes an image's SBOM and returns the file."""
    output = ctx.actions.declare_file(ctx.label.name + ".cdx.json")
    args = ctx.actions.args()
    args.add("--output", output)
    add_image(args, info, archive_name(ctx.label))
    run_image_tool(
        ctx,
        ctx.attr._sbom_tool[DefaultInfo].files_to_run,
        args,
        inputs = image_files(info),
        outputs = [output],
        mnemonic = "ImageSbom",
        message = "Writing %s" % output.short_path,
    )
    return output

def image_providers(ctx, info, layout_name):
    """Returns the providers of an image target.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      info: ImageInfo.
      layout_name: name of the OCI layout folder.
    Returns:
      list of providers: DefaultInfo (manifest, config, digest), ImageInfo, OutputGroupInfo (oci_layout, archive, config, digest, layers,
      manifest, sbom).
    """
    layout = ctx.actions.declare_directory(layout_name)
    write_archive(ctx, {archive_name(ctx.label): info}, "--layout", layout)
    return [
        DefaultInfo(files = depset([info.manifest, info.config, info.digest])),
        info,
        OutputGroupInfo(
            archive = depset([info.archive]),
            config = depset([info.config]),
            digest = depset([info.digest]),
            layers = depset([layer.blob for layer in info.layers]),
            manifest = depset([info.manifest]),
            oci_layout = depset([layout]),
            sbom = depset([_write_sbom(ctx, info)]),
        ),
    ]
