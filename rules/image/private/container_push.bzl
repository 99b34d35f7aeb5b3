"""container_push: pushes an image, or a bundle of images, to a registry with `bazel run`."""

load("@host_python//:defs.bzl", "PYTHON")
load("@rules_python//python:py_info.bzl", "PyInfo")
load("//rules/common:labels.bzl", "label_text")
load("//rules/common:make_variables.bzl", "expand")
load("//rules/common:runfiles.bzl", "runfiles_path")
load("//rules/common:shell.bzl", "in_double_quotes")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:arguments.bzl", "check_target", "stamp_attr", "stamp_value")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "image_info")
load("//rules/image/private:providers.bzl", "BundleInfo", "ImageInfo")
load("//rules/image/private:push_plan.bzl", "PUSH_PLAN_ATTRS", "push_files", "write_push_plan")

_DOC = """Pushes an image, or a bundle of images, to a registry with `bazel run TARGET`.

```
container_push(
    name = "push",
    image = ":image",
    registry = "registry.example.com",
    repository = "shop/server",
    stamp = True,
    tag = "{STABLE_COMMIT}",
)
```

The run prints `REGISTRY/REPOSITORY@DIGEST`. It sends only what the registry lacks. `NAME.digest` has the digest of the pushed
manifest; for a bundle it has one digest per line. `bazel run TARGET -- --tag v2 --registry HOST:PORT` overrides attributes.
"""

# rules_docker's default. A rule cannot tell whether an attribute was set, so for a bundle this value counts as unset.
_TAG = "latest"

_ATTRS = {
    "credential_helper": attr.label(
        doc = """A program that knows the login of the registry if docker's config has none. None: only docker's config is read.

It speaks the protocol of docker's credential helpers. `//rules/k8s:registry_login` knows the registry in the cluster.""",
        executable = True,
        cfg = "target",
    ),
    "format": attr.string(
        doc = """The manifest's format: `OCI`, the image's own manifest, or `Docker`, for registries and clients that need it.

`Docker` pushes the same blobs with an image manifest version 2, schema 2, which has a different digest. Its zstd layers
need containerd, or Docker 23 or newer.""",
        default = "OCI",
    ),
    "image": attr.label(
        doc = """The image to push, or a container_bundle to push all of its images.

A multi-platform OCI layout or tar is pushed as a whole, with its index under the tag. In a bundle, or with format `Docker`,
choose one platform with `architecture` of container_load. The names in a bundle say where its images go.

""" + PREBUILT,
        allow_files = True,
        mandatory = True,
    ),
    "insecure_repository": attr.bool(
        doc = """Use plain HTTP. Registries on loopback addresses use it in any case.

It applies to `registry`, not to a registry that `--registry` names. `-- --secure` uses TLS for a loopback registry.""",
    ),
    "registry": attr.string(
        doc = "The registry, `HOST` or `HOST:PORT`. For a bundle it applies to names without a registry, and may be empty.",
    ),
    "repository": attr.string(
        doc = "The repository in the registry. Empty: read from `repository_file`, or taken from the names of a bundle.",
    ),
    "repository_file": attr.label(
        doc = "A file with the repository in its first line; it overrides `repository`. None: not used.",
        allow_single_file = True,
    ),
    "skip_unchanged_digest": attr.bool(
        doc = "No effect; accepted for BUILD files that set it. An unchanged digest is never sent again.",
    ),
    "stamp": stamp_attr(
        """Replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

Stamp variables are replaced in `registry`, `repository` and `tag`, in their files, and in the names of a bundle. A stamp
variable is `{KEY}`, where KEY has capital letters, digits and underscores. Make variables, `$(NAME)`, need no stamp.""",
    ),
    "tag": attr.string(
        doc = """The tag of the pushed manifest. Empty: only its digest names it.

It has no effect with `tag_file` or for a bundle.""",
        default = _TAG,
    ),
    "tag_file": attr.label(
        doc = "A file with the tag in its first line; it overrides `tag`. None: not used.",
        allow_single_file = True,
    ),
    "_launcher": attr.label(
        doc = "The start script's template.",
        default = Label("//rules/image/tools/push:run_push.sh.tpl"),
        allow_single_file = True,
    ),
    "_layout_tool": attr.label(
        doc = "The program that unpacks prebuilt images.",
        default = Label("//rules/image/tools/push:push_layout"),
        executable = True,
        cfg = "exec",
    ),
    "_push_tool": attr.label(
        doc = "The program that pushes.",
        default = Label("//rules/image/tools/push:push_tool"),
        providers = [PyInfo],
    ),
}
_ATTRS.update(PREBUILT_ATTRS)
_ATTRS.update(PUSH_PLAN_ATTRS)

def _masked(name):
    """Returns a name as messages may show it: the part before an @ may be a login."""
    _, at, rest = name.rpartition("@")
    return "***@" + rest if at else name

def _check(attr):
    """Fails if attributes conflict or have an invalid value."""
    if attr.format.upper() not in ("OCI", "DOCKER"):
        fail("format: '%s' is not a format. Use OCI or Docker." % attr.format)
    if BundleInfo in attr.image:
        for name in ("repository", "repository_file", "tag", "tag_file"):
            if getattr(attr, name) and (name, getattr(attr, name)) != ("tag", _TAG):
                fail("%s: '%s' is set for a bundle. Remove it; the bundle's names say where its images go." % (name, getattr(attr, name)))
    elif not attr.registry:
        fail("registry: the value is empty. Use HOST or HOST:PORT.")
    elif not attr.repository and not attr.repository_file:
        fail("repository: the value is empty. Set repository, or repository_file with the name in its first line.")
    if "/" in attr.registry:
        fail("registry: '%s' has a path. Use HOST or HOST:PORT here, and the path in repository." % _masked(attr.registry))
    if "@" in attr.repository or ":" in attr.repository:
        fail("repository: '%s' has a tag or digest. Remove it; the tag has its own attribute." % _masked(attr.repository))
    for name in ("registry", "repository", "tag"):
        from_file = getattr(attr, name + "_file", None)
        if "{" in getattr(attr, name) and attr.stamp == 0 and not from_file:
            fail("%s: '%s' has a stamp variable, but stamp is False. Set stamp = True, or leave it out and build with --stamp." % (name, getattr(attr, name)))

def _is_docker(ctx):
    return ctx.attr.format.upper() == "DOCKER"

def _images(ctx):
    """Returns the images to push, as list of struct(reference = string or None, image = ImageInfo)."""
    if BundleInfo in ctx.attr.image:
        return ctx.attr.image[BundleInfo].images
    return [struct(reference = None, image = image_info(ctx, ctx.attr.image, "image"))]

def _unpack_prebuilt(ctx):
    """Declares the action that unpacks all platforms of a prebuilt image, and returns the folder."""
    what = label_text(ctx.attr.image.label)
    parts = ctx.actions.declare_directory(ctx.label.name + ".parts")
    args = ctx.actions.args()
    args.add("--where", "%s: image of %s" % (label_text(ctx.label), what))
    args.add_all([parts], before_each = "--output", expand_directories = False)
    args.add_all(ctx.files.image, expand_directories = False)
    run_image_tool(
        ctx,
        ctx.attr._layout_tool[DefaultInfo].files_to_run,
        args,
        inputs = ctx.files.image,
        outputs = [parts],
        mnemonic = "ImagePushLayout",
        message = "Reading image %s" % what,
    )
    return parts

def _write_plan(ctx, images, parts):
    """Declares the action that checks names and destinations; returns the plan and the manifests to push."""
    stamped = ctx.attr.stamp == 1 or (BundleInfo in ctx.attr.image and ctx.attr.image[BundleInfo].stamp)
    status = [ctx.info_file, ctx.version_file] if stamped else []
    named = [file for file in (ctx.file.repository_file, ctx.file.tag_file) if file]
    entries = [struct(
        docker = ctx.actions.declare_file("%s.%d.docker.json" % (ctx.label.name, index)) if _is_docker(ctx) else None,
        image = entry.image,
        key = None,
        reference = entry.reference,
    ) for index, entry in enumerate(images)]
    plan = write_push_plan(
        ctx,
        label_text(ctx.label),
        entries,
        parts = parts,
        inputs = named + status,
        digest = ctx.outputs.digest,
        by_flag = ctx.attr.stamp == -1 and not stamped,
        format = "Docker" if _is_docker(ctx) else "OCI",
        insecure = ctx.attr.insecure_repository,
        registry = expand(ctx, "registry", ctx.attr.registry),
        repository = expand(ctx, "repository", ctx.attr.repository),
        repository_file = ctx.file.repository_file.path if ctx.file.repository_file else None,
        status = [file.path for file in status],
        tag = expand(ctx, "tag", ctx.attr.tag),
        tag_file = ctx.file.tag_file.path if ctx.file.tag_file else None,
    )
    return plan, [entry.docker for entry in entries if entry.docker]

def _impl(ctx):
    _check(ctx.attr)

    images = _images(ctx)
    parts = []

    # A prebuilt image may be for several platforms. All of them are pushed, in their own format.
    if not _is_docker(ctx) and BundleInfo not in ctx.attr.image and ImageInfo not in ctx.attr.image:
        images = []
        parts = [_unpack_prebuilt(ctx)]
    plan, converted = _write_plan(ctx, images, parts)
    helper = ctx.attr.credential_helper[DefaultInfo] if ctx.attr.credential_helper else None
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = executable,
        is_executable = True,
        substitutions = {
            "%{credentials}": '--credential-helper "$root/%s"' % in_double_quotes(runfiles_path(ctx, helper.files_to_run.executable)) if helper else "",
            "%{imports}": in_double_quotes(" ".join(ctx.attr._push_tool[PyInfo].imports.to_list())),
            "%{plan}": in_double_quotes(runfiles_path(ctx, plan)),
            "%{python}": PYTHON,
        },
    )
    files = [plan] + converted + parts
    for entry in images:
        files += push_files(entry.image)
    runfiles = ctx.runfiles(files = files).merge(ctx.attr._push_tool[DefaultInfo].default_runfiles)
    if helper:
        runfiles = runfiles.merge(helper.default_runfiles)
    return [DefaultInfo(executable = executable, files = depset([executable]), runfiles = runfiles)]

container_push_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    outputs = {"digest": "%{name}.digest"},
)

def container_push(name, stamp = -1, **kwargs):
    """Pushes an image, or a bundle of images, to a registry with `bazel run TARGET`.

    Args:
      name: the target's name.
      stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values. -1 follows Bazel's `--stamp`.

        Stamp variables are replaced in `registry`, `repository` and `tag`, in their files, and in the names of a bundle. A stamp
        variable is `{KEY}`, where KEY has capital letters, digits and underscores. Make variables, `$(NAME)`, need no stamp.
        Without `--stamp` the target builds, and its run says that a name has a stamp variable.
      **kwargs: attributes of the rule.
    """
    check_target(name, kwargs, "container_push", _ATTRS)
    container_push_rule(name = name, stamp = stamp_value(stamp), **kwargs)
