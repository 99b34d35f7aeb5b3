"""The action that plans a push: it checks names and destinations, and writes what is sent where."""

load("//rules/common:runfiles.bzl", "runfiles_path")
load(":actions.bzl", "run_image_tool")

PUSH_PLAN_ATTRS = {
    "_plan_tool": attr.label(
        doc = "The program that checks names and destinations when the target is built.",
        default = Label("//rules/image/tools/push:push_plan"),
        executable = True,
        cfg = "exec",
    ),
}

# The fields of a plan's input that a rule may leave out; see tools/push/plan.py.
_DEFAULTS = {
    "by_flag": False,
    "format": "OCI",
    "insecure": False,
    "one_platform": False,
    "private_plain": False,
    "references": None,
    "registry": None,
    "repository": None,
    "repository_file": None,
    "status": [],
    "tag": None,
    "tag_file": None,
}

def push_files(image):
    """Returns the files that a push of an image reads at run time.

    Args:
      image (ImageInfo): the image.

    Returns:
      list of Files.
    """
    return [image.manifest, image.config] + [layer.blob for layer in image.layers]

def write_push_plan(ctx, where, images, parts = [], inputs = [], digest = None, **settings):
    """Declares the action that checks names and destinations and writes NAME.push.plan.

    Args:
      ctx (ctx): the context of a rule with PUSH_PLAN_ATTRS.
      where (string): the target, for messages.
      images (list of structs): the images, as struct(image = ImageInfo, key, reference, docker = File for Docker's manifest).

        The last three may be None. The key finds the image in `references`; the reference is its destination.
      parts (list of Files): folders that push/layout.py wrote, for images that are pushed as a whole.
      inputs (list of Files): the files that the settings name.
      digest (File): the file for the digests of the manifests. None: not written.
      **settings: fields of the plan's input, see tools/push/plan.py.

    Returns:
      File, the plan.
    """
    entries = [struct(key = None, parts = folder.path, reference = None, runfiles = runfiles_path(ctx, folder)) for folder in parts]
    for entry in images:
        manifest = entry.docker or entry.image.manifest
        entries.append(struct(
            config = runfiles_path(ctx, entry.image.config),
            docker = manifest.path,
            docker_runfiles = runfiles_path(ctx, manifest),
            key = entry.key,
            layers = [[layer.blob.path, runfiles_path(ctx, layer.blob)] for layer in entry.image.layers],
            manifest = entry.image.manifest.path,
            reference = entry.reference,
            runfiles = runfiles_path(ctx, entry.image.manifest),
        ))
    spec = ctx.actions.declare_file(ctx.label.name + ".push.json")
    ctx.actions.write(spec, json.encode(dict(_DEFAULTS, images = entries, where = where, **settings)))
    plan = ctx.actions.declare_file(ctx.label.name + ".push.plan")
    args = ctx.actions.args()
    args.add("--spec", spec)
    args.add("--plan", plan)
    if digest:
        args.add("--digest", digest)
    folders = [layer.blob for entry in images for layer in entry.image.layers if layer.blob.is_directory]
    run_image_tool(
        ctx,
        ctx.attr._plan_tool[DefaultInfo].files_to_run,
        args,
        inputs = [spec] + inputs + parts + folders + [entry.image.manifest for entry in images],
        outputs = [plan] + ([digest] if digest else []) + [entry.docker for entry in images if entry.docker],
        mnemonic = "ImagePushPlan",
        message = "Planning the push of %s" % ctx.label,
        worker = True,
    )
    return plan
