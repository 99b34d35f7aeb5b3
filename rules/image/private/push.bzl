"""container_push: `bazel run` sends an image, or a bundle of them, to a registry."""

load("@host_python//:defs.bzl", "PYTHON")
load("//rules/image/private:arguments.bzl", "check_target", "stamp_value")
load("//rules/image/private:assemble.bzl", "expand")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:prebuilt.bzl", "PREBUILT", "PREBUILT_ATTRS", "image_info", "label_text")
load("//rules/image/private:providers.bzl", "BundleInfo", "ImageInfo")

_DOC = """`bazel run TARGET` pushes the image, and prints where it is: REGISTRY/REPOSITORY@DIGEST.

What the registry has is not sent. `NAME.digest` is the digest of the manifest that is pushed; of a bundle it has each
image's on a line. `bazel run TARGET -- --tag v2 --registry HOST:PORT` overrides attributes.

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
"""

# rules_docker's default. An attribute does not say whether it was given, so of a bundle this is taken for not.
_TAG = "latest"

_ATTRS = {
    "format": attr.string(
        doc = """The manifest's format: `OCI` pushes the image's own manifest, whose digest is NAME.digest; `Docker` pushes it as
image manifest version 2, schema 2, for registries and clients that know no other, and the digest is then another one.""",
        default = "OCI",
    ),
    "image": attr.label(
        doc = PREBUILT + """ One for several platforms is pushed whole, its index under the tag. A container_bundle: all of its images, each
to where its name says.""",
        allow_files = True,
        mandatory = True,
    ),
    "insecure_repository": attr.bool(
        doc = "Speak plain HTTP. Loopback registries are spoken to so without being asked.",
    ),
    "registry": attr.string(
        doc = "HOST or HOST:PORT. Of a bundle: for those of its names that have none. Empty only for a bundle.",
    ),
    "repository": attr.string(
        doc = "The repository in the registry. Empty: read from repository_file, or a bundle's.",
    ),
    "repository_file": attr.label(
        doc = "A file whose first line is the repository, whatever repository says. None: repository says it.",
        allow_single_file = True,
    ),
    "skip_unchanged_digest": attr.bool(
        doc = "Accepted for BUILD files that set it: an unchanged digest is never sent again.",
    ),
    "stamp": attr.bool(
        doc = "Put Bazel's workspace status in place of `{STABLE_NAME}` and `{BUILD_USER}` in registry, repository and tag, and in a bundle's names.",
    ),
    "tag": attr.string(
        doc = "A name for the pushed manifest, latest unless given. Empty: only its digest names it. Not read where tag_file is given, nor of a bundle.",
        default = _TAG,
    ),
    "tag_file": attr.label(
        doc = "A file whose first line is the tag, whatever tag says. None: tag says it.",
        allow_single_file = True,
    ),
    "_launcher": attr.label(
        doc = "The start script's template.",
        default = "//rules/image/tools:run_push.sh.tpl",
        allow_single_file = True,
    ),
    "_layout_tool": attr.label(
        doc = "The program that takes images made elsewhere apart.",
        default = "//rules/image/tools:push_layout",
        executable = True,
        cfg = "exec",
    ),
    "_plan_tool": attr.label(
        doc = "The program that checks what goes where when the target is built.",
        default = "//rules/image/tools:push_plan",
        executable = True,
        cfg = "exec",
    ),
    "_push_tool": attr.label(
        doc = "The program that pushes.",
        default = "//rules/image/tools:push_tool",
        providers = [PyInfo],
    ),
}
_ATTRS.update(PREBUILT_ATTRS)

def _runfiles_path(ctx, file):
    return file.short_path[len("../"):] if file.short_path.startswith("../") else ctx.workspace_name + "/" + file.short_path

def _masked(name):
    """A name as a message may show it: what stands before an @ may be a login."""
    login, at, rest = name.rpartition("@")
    return "***@" + rest if at else name

def _check(attr):
    """Fails with one sentence where attributes do not fit together or have a value that cannot be meant."""
    if attr.format.upper() not in ("OCI", "DOCKER"):
        fail("format: found '%s': write OCI or Docker" % attr.format)
    if BundleInfo in attr.image:
        for name in ("repository", "repository_file", "tag", "tag_file"):
            if getattr(attr, name) and (name, getattr(attr, name)) != ("tag", _TAG):
                fail("%s: found '%s': a bundle's own names say where its images go; leave it out" % (name, getattr(attr, name)))
    elif not attr.registry:
        fail("registry: found none: write HOST or HOST:PORT")
    elif not attr.repository and not attr.repository_file:
        fail("repository: found none: give repository, or repository_file with its name in the first line")
    if "/" in attr.registry:
        fail("registry: found '%s': write HOST or HOST:PORT, and the path in repository" % _masked(attr.registry))
    if "@" in attr.repository or ":" in attr.repository:
        fail("repository: found '%s': write it without tag and digest; tag has its own attribute" % _masked(attr.repository))
    for name in ("registry", "repository", "tag"):
        from_file = getattr(attr, name + "_file", None)
        if "{" in getattr(attr, name) and not attr.stamp and not from_file:
            fail("%s: found '%s', which has a stamp variable in it: set stamp = True" % (name, getattr(attr, name)))

def _is_docker(ctx):
    return ctx.attr.format.upper() == "DOCKER"

def _images(ctx):
    """The images to push, as list of struct(reference = string or None, image = ImageInfo)."""
    if BundleInfo in ctx.attr.image:
        return ctx.attr.image[BundleInfo].images
    return [struct(reference = None, image = image_info(ctx, ctx.attr.image, "image"))]

def _take_apart(ctx):
    """Declares the action that takes an image made elsewhere apart, all platforms of it; returns the folder."""
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
    """Declares the action that checks what goes where; returns the plan and the manifests that are pushed."""
    docker = _is_docker(ctx)
    stamped = ctx.attr.stamp or (BundleInfo in ctx.attr.image and ctx.attr.image[BundleInfo].stamp)
    status = [ctx.info_file, ctx.version_file] if stamped else []
    named = [file for file in (ctx.file.repository_file, ctx.file.tag_file) if file]
    entries = [struct(parts = folder.path, reference = None, runfiles = _runfiles_path(ctx, folder)) for folder in parts]
    converted = []
    for index, entry in enumerate(images):
        image = entry.image
        manifest = image.manifest
        if docker:
            manifest = ctx.actions.declare_file("%s.%d.docker.json" % (ctx.label.name, index))
            converted.append(manifest)
        entries.append(struct(
            config = _runfiles_path(ctx, image.config),
            docker = manifest.path,
            docker_runfiles = _runfiles_path(ctx, manifest),
            layers = [[layer.blob.path, _runfiles_path(ctx, layer.blob)] for layer in image.layers],
            manifest = image.manifest.path,
            reference = entry.reference,
            runfiles = _runfiles_path(ctx, image.manifest),
        ))
    spec = ctx.actions.declare_file(ctx.label.name + ".push.json")
    ctx.actions.write(spec, json.encode(struct(
        format = "Docker" if docker else "OCI",
        images = entries,
        insecure = ctx.attr.insecure_repository,
        registry = expand(ctx, "registry", ctx.attr.registry),
        repository = expand(ctx, "repository", ctx.attr.repository),
        repository_file = ctx.file.repository_file.path if ctx.file.repository_file else None,
        status = [file.path for file in status],
        tag = expand(ctx, "tag", ctx.attr.tag),
        tag_file = ctx.file.tag_file.path if ctx.file.tag_file else None,
        where = label_text(ctx.label),
    )))
    plan = ctx.actions.declare_file(ctx.label.name + ".push.plan")
    args = ctx.actions.args()
    args.add("--spec", spec)
    args.add("--plan", plan)
    args.add("--digest", ctx.outputs.digest)
    run_image_tool(
        ctx,
        ctx.attr._plan_tool[DefaultInfo].files_to_run,
        args,
        inputs = [spec] + named + status + parts + [entry.image.manifest for entry in images] + [
            layer.blob
            for entry in images
            for layer in entry.image.layers
            if layer.blob.is_directory
        ],
        outputs = [plan, ctx.outputs.digest] + converted,
        mnemonic = "ImagePushPlan",
        message = "Planning the push of %s" % ctx.label,
        worker = True,
    )
    return plan, converted or [entry.image.manifest for entry in images]

def _impl(ctx):
    _check(ctx.attr)

    images = _images(ctx)
    parts = []

    # What is made elsewhere may be for several platforms: all of them are pushed, in the format that they have.
    if not _is_docker(ctx) and BundleInfo not in ctx.attr.image and ImageInfo not in ctx.attr.image:
        images = []
        parts = [_take_apart(ctx)]
    plan, manifests = _write_plan(ctx, images, parts)
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = executable,
        is_executable = True,
        substitutions = {
            "%{imports}": " ".join(ctx.attr._push_tool[PyInfo].imports.to_list()),
            "%{plan}": ctx.workspace_name + "/" + plan.short_path,
            "%{python}": PYTHON,
        },
    )
    files = [plan] + manifests + parts
    for entry in images:
        files.append(entry.image.config)
        files += [layer.blob for layer in entry.image.layers]
    runfiles = ctx.runfiles(files = files).merge(ctx.attr._push_tool[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = executable, files = depset([executable]), runfiles = runfiles)]

container_push_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    outputs = {"digest": "%{name}.digest"},
)

def container_push(name, stamp = False, **kwargs):
    """Pushes an image or a bundle; see the rule's text above and its attributes.

    Args:
      name: the target's name.
      stamp: True, False, or -1 for what Bazel's --stamp says.
      **kwargs: the rule's attributes.
    """
    check_target(name, kwargs, "container_push", _ATTRS)
    container_push_rule(name = name, stamp = stamp_value(stamp), **kwargs)
