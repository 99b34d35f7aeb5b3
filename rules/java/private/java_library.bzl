"""java_library: classes for other targets."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":common.bzl", "COMPILE_ATTRS", "compile_target")
load(":providers.bzl", "JavaPluginsInfo")

_DOC = """Compiles Java sources to `libNAME.jar`.

```
java_library(
    name = "greeting",
    srcs = ["Greeting.java"],
    deps = ["@maven//:com_google_guava_guava"],
)
```

A class that `srcs` name must come from a target in `deps`, or from one that a target in `deps` exports; otherwise the build
fails and names the label to add. Dependents compile against a header jar without method bodies, so a change inside a body
recompiles none of them.
"""

_ATTRS = {
    "exported_plugins": attr.label_list(
        doc = "java_plugin targets that run when a direct dependent is compiled. Empty: none.",
        providers = [JavaPluginsInfo],
    ),
    "exports": attr.label_list(
        doc = "Libraries that dependents may use as if they were in their own `deps`. Empty: none.",
        providers = [JavaInfo],
    ),
    "neverlink": attr.bool(
        doc = "Whether the jar is there only for compiling and something else brings it at run time.",
    ),
}

_ATTRS.update(COMPILE_ATTRS)

def _impl(ctx):
    if ctx.attr.deps and not ctx.files.srcs:
        fail("%s: deps is set, but srcs is empty. Move the labels to exports or runtime_deps, or add srcs." % ctx.label)
    target = compile_target(
        ctx,
        jar = ctx.outputs.classjar,
        sources = ctx.outputs.sourcejar,
        exported_plugins = ctx.attr.exported_plugins,
        exports = ctx.attr.exports,
        neverlink = ctx.attr.neverlink,
    )
    return [
        DefaultInfo(files = depset([ctx.outputs.classjar]), runfiles = target.runfiles),
        target.java_info,
        target.plugins_info,
        OutputGroupInfo(_source_jars = depset([ctx.outputs.sourcejar])),
    ]

java_library = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = {
        "classjar": "lib%{name}.jar",
        "sourcejar": "lib%{name}-src.jar",
    },
    provides = [JavaInfo],
)
