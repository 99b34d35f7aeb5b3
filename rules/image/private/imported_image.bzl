"""imported_image: the image in a repository of container_pull."""

load("//rules/image/private:prebuilt.bzl", "PREBUILT_ATTRS", "archive_name", "image_providers", "list_folders", "write_archive")
load("//rules/image/private:providers.bzl", "ImageInfo")

_ATTRS = dict(
    PREBUILT_ATTRS,
    blobs = attr.label_list(
        doc = "The layers' blobs, base first.",
        allow_files = True,
    ),
    config = attr.label(
        doc = "The image config.",
        allow_single_file = True,
        mandatory = True,
    ),
    descriptors = attr.label_list(
        doc = "The layers' descriptors, in the order of blobs.",
        allow_files = True,
    ),
    digest = attr.label(
        doc = "The manifest's digest.",
        allow_single_file = True,
        mandatory = True,
    ),
    manifest = attr.label(
        doc = "The image manifest.",
        allow_single_file = True,
        mandatory = True,
    ),
)

def _impl(ctx):
    layers = [struct(blob = blob, descriptor = descriptor) for blob, descriptor in zip(ctx.files.blobs, ctx.files.descriptors)]
    archive = ctx.outputs.archive
    parts = struct(config = ctx.file.config, layers = layers, manifest = ctx.file.manifest)
    folders = list_folders(ctx, ctx.label.name + ".folders.json", image = parts)
    info = ImageInfo(archive = archive, config = parts.config, digest = ctx.file.digest, folders = folders, layers = layers, manifest = parts.manifest)
    write_archive(ctx, {archive_name(ctx.label): info}, "--tar", archive)
    return image_providers(ctx, info, ctx.label.name + ".oci")

imported_image = rule(
    implementation = _impl,
    doc = "Makes the files of a pulled image a target.",
    attrs = _ATTRS,
    # A label of its own, as in rules_docker: @NAME//image:image.tar.
    outputs = {"archive": "%{name}.tar"},
    provides = [ImageInfo],
)
