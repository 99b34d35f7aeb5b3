"""k8s_objects: one closure of several targets."""

load("//rules/common:labels.bzl", "label_text")
load(":building.bzl", "BUILD_ATTRS", "build_action", "build_args")
load(":launching.bzl", "LAUNCHER_ATTRS", "verb_launcher")
load(":providers.bzl", "K8sObjectInfo")

_DOC = "The closure of several k8s_object and k8s_objects targets, with each object once; `bazel run` prints it as YAML."

_ATTRS = dict(
    dict(BUILD_ATTRS, **LAUNCHER_ATTRS),
    objects = attr.label_list(
        providers = [K8sObjectInfo],
        doc = "The targets, in the order of output; deletes run in reverse order.",
    ),
)

def _entry_argument(entry):
    return "--entry=" + json.encode([entry.label, entry.normalized.path, entry.service.path if entry.service else ""])

def _checked(ctx, label, entries, files):
    output = ctx.actions.declare_file(ctx.label.name + ".closure.json")
    args = build_args(ctx, "closure")
    args.add(label, format = "--label=%s")
    args.add(output, format = "--output=%s")
    args.add_all(entries, map_each = _entry_argument)
    build_action(ctx, args, files, output, "K8sClosure", "Checking the closure of %s" % ctx.label)
    return output

def _override_argument(entry):
    return "--entry=" + json.encode([entry.label, entry.resolved.path])

def _overrides(ctx, label, checked, entries, files):
    output = ctx.actions.declare_file(ctx.label.name + ".overrides.json")
    args = build_args(ctx, "override")
    args.add(label, format = "--label=%s")
    args.add(checked, format = "--checked=%s")
    args.add(output, format = "--output=%s")
    args.add_all(entries, map_each = _override_argument)

    # The mnemonic of the check: a mnemonic of its own would need workers of its own.
    build_action(ctx, args, depset([checked], transitive = [files]), output, "K8sClosure", "Resolving references across targets of %s" % ctx.label)
    return output

def _impl(ctx):
    label = label_text(ctx.label)
    infos = [target[K8sObjectInfo] for target in ctx.attr.objects]
    if not infos:
        fail("%s: objects is empty. Add at least one k8s_object." % label)
    entries = depset(transitive = [info.entries for info in infos], order = "postorder")
    files = depset(transitive = [info.files for info in infos])
    plain_files = depset(transitive = [info.plain_files for info in infos])
    preload_runfiles = ctx.runfiles()
    for info in infos:
        preload_runfiles = preload_runfiles.merge(info.preload_runfiles)
    checked = _checked(ctx, label, entries, plain_files)
    closure = K8sObjectInfo(
        checked = checked,
        entries = entries,
        files = files,
        image_files = depset(transitive = [info.image_files for info in infos]),
        overrides = _overrides(ctx, label, checked, entries, files),
        plain_files = plain_files,
        preload_runfiles = preload_runfiles,
        preloads = depset(transitive = [info.preloads for info in infos]),
        push_plans = depset(transitive = [info.push_plans for info in infos]),
    )
    show = verb_launcher(ctx, closure, "show", label)
    return [
        DefaultInfo(executable = show.executable, files = depset([checked, closure.overrides], transitive = [files]), runfiles = show.runfiles),
        closure,
    ]

k8s_objects_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    provides = [K8sObjectInfo],
)
