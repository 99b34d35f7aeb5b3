"""update_images: locks the images that manifests name by tag in a checked-in file."""

load("//rules/common:labels.bzl", "label_text", "repository_name")
load(":launching.bzl", "write_launcher")
load(":providers.bzl", "K8sObjectInfo")

_DOC = "Asks the registries for the present digest of each image that the objects name by tag, and writes them into the lock."

_ATTRS = {
    "lock": attr.label(
        mandatory = True,
        allow_single_file = True,
        doc = "The lock: a file of this workspace.",
    ),
    "objects": attr.label_list(
        mandatory = True,
        providers = [K8sObjectInfo],
        doc = "The targets with this lock.",
    ),
    "_launcher": attr.label(
        default = Label("//rules/k8s/tools:launcher.sh.tpl"),
        allow_single_file = True,
        doc = "The launcher's template.",
    ),
    "_lock": attr.label(
        default = Label("//rules/k8s/tools/images:k8s_lock"),
        executable = True,
        cfg = "target",
        doc = "The program that asks the registries.",
    ),
}

def _impl(ctx):
    label = label_text(ctx.label)
    if not ctx.file.lock.is_source or repository_name(ctx.file.lock.owner):
        fail("%s: image_lock: %s is not a file of this workspace. Use a checked-in file; an empty one is enough as the first lock." % (label, label_text(ctx.attr.lock.label)))
    documents = [entry.normalized for target in ctx.attr.objects for entry in target[K8sObjectInfo].entries.to_list()]
    plan = ctx.actions.declare_file(ctx.label.name + ".plan.json")
    ctx.actions.write(plan, json.encode(struct(
        documents = [document.short_path for document in documents],
        label = label,
        lock = ctx.file.lock.short_path,
        workspace = ctx.workspace_name,
    )))
    launcher = write_launcher(ctx, ctx.attr._lock, [], plan, ctx.runfiles(files = documents))
    return [DefaultInfo(executable = launcher.executable, files = depset([launcher.executable]), runfiles = launcher.runfiles)]

_update_images = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)

def update_images(name, lock, objects, tags, visibility, testonly = False):
    """Declares the target that locks images by tag, as a manual one.

    Args:
      name: the target's name.
      lock: label of the lock.
      objects: list of labels of the k8s_object targets with this lock.
      tags: list of strings.
      visibility: list of labels, or None.
      testonly: bool.

    Returns:
      string, the target's full label without a repository.
    """
    _update_images(
        name = name,
        lock = lock,
        objects = objects,
        tags = tags if "manual" in tags else tags + ["manual"],
        testonly = testonly,
        visibility = visibility,
    )
    return "//%s:%s" % (native.package_name(), name)
