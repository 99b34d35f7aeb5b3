"""prebuilt_image: the image in an archive, as container_load offers it."""

load("//rules/image/private:prebuilt.bzl", "PREBUILT_ATTRS", "image_info", "image_providers")
load("//rules/image/private:providers.bzl", "ImageInfo")

_ATTRS = dict(
    PREBUILT_ATTRS,
    architecture = attr.string(
        doc = "The architecture to take of a multi-platform image. Empty: the only one, or amd64's.",
    ),
    file = attr.label(
        doc = "The OCI layout, as a tar, a folder or its files, or what `docker save` wrote.",
        allow_files = True,
        mandatory = True,
    ),
    os = attr.string(
        doc = "The operating system to take of a multi-platform image.",
        default = "linux",
    ),
)

def _impl(ctx):
    info = image_info(ctx, ctx.attr.file, "file", ctx.attr.architecture, ctx.attr.os)
    return image_providers(ctx, info, ctx.label.name + ".oci")

prebuilt_image = rule(
    implementation = _impl,
    doc = "An image made elsewhere, as a target.",
    attrs = _ATTRS,
    provides = [ImageInfo],
)
