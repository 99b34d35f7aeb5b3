"""Images made elsewhere, wherever an image is taken: OCI layouts and archives as files become an ImageInfo."""

load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:providers.bzl", "ImageInfo", "LayerInfo")

# What an attribute that takes an image, or files that are one, says of itself.
PREBUILT = "An image target, or any other target whose files are one OCI layout (a folder or its files) or one tar (an OCI layout, or docker save)."

PREBUILT_ATTRS = {
    "_archive_tool": attr.label(
        doc = "The program that writes archives and layouts.",
        default = "//rules/image/tools:archive_tool",
        executable = True,
        cfg = "exec",
    ),
    "_import_tool": attr.label(
        doc = "The program that reads images made elsewhere.",
        default = "//rules/image/tools:import_tool",
        executable = True,
        cfg = "exec",
    ),
    "_sbom_tool": attr.label(
        doc = "The program that writes bills of materials.",
        default = "//rules/image/tools:sbom_tool",
        executable = True,
        cfg = "exec",
    ),
}

def label_text(label):
    """A label as text that is the same in every version of Bazel, for what ends up in an image.

    Args:
      label: Label.
    Returns:
      string such as //a/b:c or @repository//a/b:c.
    """
    return "%s//%s:%s" % ("@" + label.workspace_name if label.workspace_name else "", label.package, label.name)

# Of the tags that images may have; isalnum is true for letters of other alphabets, too.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

def archive_name(label):
    """The name an image has after `docker load`: bazel/PACKAGE:TARGET, in the characters that names may have.

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
    """All files that an image is made of.

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
      name: what the image is called.
    """
    args.add_all(["--image", name, info.manifest, info.config])

    # A folder of layers is handed over as such.
    args.add_all([layer.blob for layer in info.layers], before_each = "--layer", expand_directories = False)

def write_archive(ctx, images, option, output, status = []):
    """Declares the action that puts images into one tar or folder.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      images: dict from the image's name in the archive to ImageInfo or struct with manifest, config and layers.
      option: --tar or --layout.
      output: File to write, a folder for --layout.
      status: list of workspace status Files for stamp variables in the names.
    """
    args = ctx.actions.args()
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

def image_info(ctx, target, attribute, architecture = "", os = "linux"):
    """The image that a target is, made of its files where it is none of these rules'.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      target: the attribute's Target.
      attribute: the attribute's name, for errors.
      architecture: the one to take of an image for several. Empty: the only one, or amd64's.
      os: the operating system to take.
    Returns:
      ImageInfo.
    """
    if ImageInfo in target:
        return target[ImageInfo]
    files = target[DefaultInfo].files.to_list()
    what = label_text(target.label)
    if LayerInfo in target:
        fail("%s: %s is a layer: name an image here, and layers in the attribute layers of a container_image" % (attribute, what))
    if not files:
        fail("%s: %s is no image and has no files: name an image target, an OCI layout or a tar" % (attribute, what))
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
    return ImageInfo(archive = archive, config = config, digest = digest, layers = parts.layers, manifest = manifest)

def _write_sbom(ctx, info):
    """Declares the action that writes an image's bill of materials; returns the bill."""
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
    """The providers that every image target has.

    Args:
      ctx: context of a rule with PREBUILT_ATTRS.
      info: ImageInfo.
      layout_name: name of the OCI layout folder.
    Returns:
      list of providers: DefaultInfo (manifest, config, digest), ImageInfo, OutputGroupInfo (oci_layout, archive, digest, layers, sbom).
    """
    layout = ctx.actions.declare_directory(layout_name)
    write_archive(ctx, {archive_name(ctx.label): info}, "--layout", layout)
    return [
        DefaultInfo(files = depset([info.manifest, info.config, info.digest])),
        info,
        OutputGroupInfo(
            archive = depset([info.archive]),
            digest = depset([info.digest]),
            layers = depset([layer.blob for layer in info.layers]),
            oci_layout = depset([layout]),
            sbom = depset([_write_sbom(ctx, info)]),
        ),
    ]
