"""container_bundle: several images in one archive, each with its own name."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/common:make_variables.bzl", "expand")
load("//rules/image/private:arguments.bzl", "by_target", "check_target", "stamp_attr", "stamp_value")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "image_info", "write_archive")
load("//rules/image/private:providers.bzl", "BundleInfo")

_DOC = """Builds `NAME.tar` with several images, for `docker load` and `ctr images import`.

The archive has a layer that several images share only once. A container_push of a bundle pushes all of its images without
building the archive.

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
        doc = "Maps an image to its names, `[REGISTRY/]REPOSITORY:TAG`, one per line.\n\n" + PREBUILT,
        allow_files = True,
        mandatory = True,
    ),
    stamp = stamp_attr("Replace stamp variables such as `{BUILD_USER}` in the names with their values from Bazel's workspace status."),
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
                fail("images: %s has the name '%s' twice. Give each image its own name, or remove one." % (label_text(ctx.label), name))
            images[name] = info
    if not images:
        fail("images: %s has no images. Add at least one, such as {\"shop/server:latest\": \":image\"}." % label_text(ctx.label))
    status = [ctx.info_file, ctx.version_file] if ctx.attr.stamp == 1 else []
    write_archive(ctx, images, "--tar", ctx.outputs.archive, status, by_flag = ctx.attr.stamp == -1)
    return [
        DefaultInfo(files = depset([ctx.outputs.archive])),
        BundleInfo(
            images = [struct(image = info, reference = name) for name, info in images.items()],
            stamp = ctx.attr.stamp == 1,
        ),
    ]

container_bundle_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = {"archive": "%{name}.tar"},
)

def container_bundle(name, images, stamp = -1, **kwargs):
    """Builds an archive of several images, for `docker load` and `ctr images import`.

    Args:
      name: the target's name.
      images (dict from string to label): maps names, `[REGISTRY/]REPOSITORY[:TAG]`, to images. The default tag is latest.

        Names take Make variables, `$(NAME)`, and with `stamp` also stamp variables, `{KEY}`, where KEY has capital
        letters, digits and underscores. An image is any target that `base` of container_image takes.
      stamp (bool or int): replace stamp variables such as `{BUILD_USER}` in the names. -1 follows Bazel's `--stamp`.

        Without `--stamp` the archive has the variables as they are, and the build says so.
      **kwargs: attributes of the rule.
    """
    check_target(name, kwargs, "container_bundle", _ATTRS)
    container_bundle_rule(name = name, images = by_target("images", images), stamp = stamp_value(stamp), **kwargs)
