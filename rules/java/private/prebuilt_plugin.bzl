"""prebuilt_plugin: a plugin of the compiler from jars, which every compilation can have."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":providers.bzl", "JavaPluginsInfo")

_DOC = "Makes jars available as a plugin of javac. java_plugin cannot do so for java_plugin's own attributes: it would depend on itself."

_ATTRS = {
    "deps": attr.label_list(
        doc = "The libraries with the plugin. Empty: no plugin.",
        providers = [JavaInfo],
    ),
}

def _impl(ctx):
    return [JavaPluginsInfo(
        data = depset(),
        jars = depset(transitive = [dep[JavaInfo].transitive_runtime_jars for dep in ctx.attr.deps]),
        processors = depset(),
    )]

prebuilt_plugin = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    provides = [JavaPluginsInfo],
)
