"""prebuilt_image: the image in an archive, as container_load uses it."""

load("//rules/image/private:prebuilt.bzl", "PREBUILT_ATTRS", "image_info", "image_providers")
load("//rules/image/private:providers.bzl", "ImageInfo")

_ATTRS = dict(
    PREBUILT_ATTRS,
    architecture = attr.string(
        doc = "The architecture to take from a multi-platform image. Empty: the only one, or amd64.",
    ),
    file = attr.label(
        doc = "The OCI layout, as a tar, a folder or its files, or the output of `docker save`.",
        allow_files = True,
        mandatory = True,
    ),
    os = attr.string(
        doc = "The operating system to take from a multi-platform image.",
        default = "linux",
    ),
)

def _impl(ctx):
    info = image_info(ctx, ctx.attr.file, "file", ctx.attr.architecture, ctx.attr.os)
    return image_providers(ctx, info, ctx.label.name + ".oci")

prebuilt_image = rule(
    implementation = _impl,
    doc = "Makes a prebuilt image a target.",
    attrs = _ATTRS,
    provides = [ImageInfo],
)
