"""k8s_verb: one verb of a closure, as a separate target."""

load("//rules/common:labels.bzl", "label_text")
load(":launching.bzl", "LAUNCHER_ATTRS", "VERBS", "verb_launcher")
load(":providers.bzl", "DebugImageInfo", "K8sObjectInfo")

_DOC = "Runs one verb on the closure of a k8s_object or k8s_objects."

_ATTRS = dict(
    LAUNCHER_ATTRS,
    debug_image = attr.label(
        providers = [DebugImageInfo],
        doc = "The image of debug containers. None: the verb starts none.",
    ),
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
    debug_image = ctx.attr.debug_image[DebugImageInfo] if ctx.attr.debug_image else None
    launcher = verb_launcher(ctx, ctx.attr.object[K8sObjectInfo], ctx.attr.verb, label_text(ctx.attr.object.label), debug_image)
    return [DefaultInfo(executable = launcher.executable, files = depset([launcher.executable]), runfiles = launcher.runfiles)]

k8s_verb = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
