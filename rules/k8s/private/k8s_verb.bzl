"""k8s_verb: one verb of a closure, as a separate target."""

load(":labels.bzl", "label_string")
load(":launching.bzl", "LAUNCHER_ATTRS", "VERBS", "verb_launcher")
load(":providers.bzl", "K8sObjectInfo")

_DOC = "Runs one verb on the closure of a k8s_object or k8s_objects."

_ATTRS = dict(
    LAUNCHER_ATTRS,
    object = attr.label(
        mandatory = True,
        providers = [K8sObjectInfo],
        doc = "The target with the closure that the verb acts on.",
    ),
    verb = attr.string(
        mandatory = True,
        values = sorted(VERBS),
        doc = "The verb.",
    ),
)

def _impl(ctx):
    launcher = verb_launcher(ctx, ctx.attr.object[K8sObjectInfo], ctx.attr.verb, label_string(ctx.attr.object.label))
    return [DefaultInfo(executable = launcher.executable, files = depset([launcher.executable]), runfiles = launcher.runfiles)]

k8s_verb = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
