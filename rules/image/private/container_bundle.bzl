"""container_bundle: several images in one archive, each under its own name."""

load("//rules/image/private:arguments.bzl", "by_target", "check_target", "stamp_value")
load("//rules/image/private:assemble.bzl", "expand")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "image_info", "label_text", "write_archive")
load("//rules/image/private:providers.bzl", "BundleInfo")

_DOC = """Makes `NAME.tar` with several images, which `docker load` and `ctr images import` read under the names given. A layer
that images share is in it once. A container_push of it pushes them all, without the archive being made.

```
container_bundle(
    name = "all",
    images = {
        "shop/server:latest": "//server:image",
        "shop/redis:{BUILD_USER}": "//redis:image",
    },
    stamp = True,
)
```
"""

_ATTRS = dict(
    PREBUILT_ATTRS,
    images = attr.label_keyed_string_dict(
        doc = "Images to their names, REPOSITORY:TAG with a registry before it or not, each on a line. " + PREBUILT,
        allow_files = True,
        mandatory = True,
    ),
    stamp = attr.bool(
        doc = "Fill in stamp variables such as {BUILD_USER} in the names.",
    ),
)

def _impl(ctx):
    images = {}
    for target, names in ctx.attr.images.items():
        info = image_info(ctx, target, "images")
        for name in names.split("\n"):
            name = expand(ctx, "images", name)
            last = name.rpartition("/")[2]
            name = name if ":" in last else name + ":latest"
            if name in images:
                fail("images: '%s' is named twice in %s: give each image a name of its own, or remove one" % (name, label_text(ctx.label)))
            images[name] = info
    if not images:
        fail("images: %s has none: give at least one, {\"shop/server:latest\": \":image\"}" % label_text(ctx.label))
    status = [ctx.info_file, ctx.version_file] if ctx.attr.stamp else []
    write_archive(ctx, images, "--tar", ctx.outputs.archive, status)
    return [
        DefaultInfo(files = depset([ctx.outputs.archive])),
        BundleInfo(
            images = [struct(image = info, reference = name) for name, info in images.items()],
            stamp = ctx.attr.stamp,
        ),
    ]

container_bundle_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = {"archive": "%{name}.tar"},
)

def container_bundle(name, images, stamp = False, **kwargs):
    """Makes an archive of several images; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      images: dict from name (REPOSITORY:TAG; without a tag it is latest) to image.
      stamp: True, False, or -1 for what Bazel's --stamp says.
      **kwargs: the rule's attributes.
    """
    check_target(name, kwargs, "container_bundle", _ATTRS)
    container_bundle_rule(name = name, images = by_target("images", images), stamp = stamp_value(stamp), **kwargs)
