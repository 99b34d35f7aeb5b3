"""java_plugin: an annotation processor, or a plugin of the compiler."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":common.bzl", "COMPILE_ATTRS", "compile_target")
load(":providers.bzl", "JavaPluginsInfo")

_DOC = """Makes an annotation processor usable in `plugins` and `exported_plugins`.

```
java_plugin(
    name = "auto_value_plugin",
    processor_class = "com.google.auto.value.processor.AutoValueProcessor",
    deps = ["@maven//:com_google_auto_value_auto_value"],
)
```

Classes and resources that it generates are in the jar of the target that it runs for, the generated sources in
`libNAME-gensrc.jar`.
"""

_ATTRS = {
    "generates_api": attr.bool(
        doc = "Has no effect, because header jars are made from compiled classes, which have the generated ones. rules_java needs it.",
    ),
    "processor_class": attr.string(
        doc = "The class of the processor. Empty: the jars have only plugins of the compiler, which `-Xplugin:NAME` in `javacopts` starts.",
    ),
}

_ATTRS.update(COMPILE_ATTRS)

def _impl(ctx):
    target = compile_target(ctx, jar = ctx.outputs.classjar, sources = ctx.outputs.sourcejar)
    runtime = [target.java_info.transitive_runtime_jars] + [
        dep[JavaInfo].transitive_runtime_jars
        for dep in ctx.attr.deps
    ]
    return [
        DefaultInfo(files = depset([ctx.outputs.classjar]), runfiles = target.runfiles),
        JavaPluginsInfo(
            data = depset(ctx.files.data),
            jars = depset(transitive = runtime),
            processors = depset([ctx.attr.processor_class] if ctx.attr.processor_class else []),
        ),
    ]

java_plugin = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = {
        "classjar": "lib%{name}.jar",
        "sourcejar": "lib%{name}-src.jar",
    },
    provides = [JavaPluginsInfo],
)
