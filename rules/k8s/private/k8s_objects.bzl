"""k8s_objects: several targets as one closure."""

load(":labels.bzl", "label_string")
load(":launching.bzl", "LAUNCHER_ATTRS", "verb_launcher")
load(":providers.bzl", "K8sObjectInfo")

_DOC = "The closure of several k8s_object and k8s_objects targets, each object once; runnable, prints it as YAML."

_ATTRS = dict(
    LAUNCHER_ATTRS,
    objects = attr.label_list(
        providers = [K8sObjectInfo],
        doc = "The targets, in the order in which they are listed and, reversed, deleted.",
    ),
    _build = attr.label(
        default = "//rules/k8s/tools:k8s_build",
        executable = True,
        cfg = "exec",
        doc = "The program of the build actions.",
    ),
)

def _entry_arguments(entry):
    return ["--entry", entry.label, entry.normalized.path, entry.service.path if entry.service else ""]

def _checked(ctx, label, entries, files):
    output = ctx.actions.declare_file(ctx.label.name + ".closure.json")
    args = ctx.actions.args()
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")
    args.add("closure")
    args.add(label, format = "--label=%s")
    args.add(output, format = "--output=%s")
    args.add_all(entries, map_each = _entry_arguments)
    ctx.actions.run(
        executable = ctx.attr._build[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = files,
        outputs = [output],
        mnemonic = "K8sClosure",
        progress_message = "Checking the closure of %s" % ctx.label,
    )
    return output

def _impl(ctx):
    label = label_string(ctx.label)
    infos = [target[K8sObjectInfo] for target in ctx.attr.objects]
    if not infos:
        fail("%s: objects is empty; list at least one k8s_object" % label)
    entries = depset(transitive = [info.entries for info in infos], order = "postorder")
    plain_files = depset(transitive = [info.plain_files for info in infos])
    preload_runfiles = ctx.runfiles()
    for info in infos:
        preload_runfiles = preload_runfiles.merge(info.preload_runfiles)
    closure = K8sObjectInfo(
        checked = _checked(ctx, label, entries, plain_files),
        entries = entries,
        files = depset(transitive = [info.files for info in infos]),
        image_files = depset(transitive = [info.image_files for info in infos]),
        images = depset(transitive = [info.images for info in infos]),
        plain_files = plain_files,
        preload_runfiles = preload_runfiles,
        preloads = depset(transitive = [info.preloads for info in infos]),
    )
    show = verb_launcher(ctx, closure, "show", label)
    return [
        DefaultInfo(executable = show.executable, files = depset([closure.checked], transitive = [closure.files]), runfiles = show.runfiles),
        closure,
    ]

k8s_objects_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    provides = [K8sObjectInfo],
)
