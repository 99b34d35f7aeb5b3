"""debug_image: the image of debug containers, as .exec pushes it."""

load("@turnup_env//:constants.bzl", "REGISTRY")
load("//rules/common:labels.bzl", "label_text")
load("//rules/image:defs.bzl", "ImageInfo", "PUSH_PLAN_ATTRS", "push_files", "write_push_plan")
load(":providers.bzl", "DebugImageInfo")

_DOC = "Plans the push of an image to the workspace's registry, from which .exec starts debug containers."

_ATTRS = dict(
    PUSH_PLAN_ATTRS,
    image = attr.label(
        mandatory = True,
        providers = [ImageInfo],
        doc = "The image. It needs the programs sh and sleep.",
    ),
    repository = attr.string(
        mandatory = True,
        doc = "The image's repository in the registry.",
    ),
)

def _impl(ctx):
    image = ctx.attr.image[ImageInfo]
    plan = write_push_plan(
        ctx,
        label_text(ctx.label),
        [struct(docker = None, image = image, key = None, reference = None)],
        one_platform = True,
        private_plain = True,
        registry = REGISTRY,
        repository = ctx.attr.repository,
    )
    files = depset([plan] + push_files(image))
    return [DefaultInfo(files = depset([plan])), DebugImageInfo(files = files, plan = plan)]

debug_image = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [DebugImageInfo],
)
