"""java_binary: a Java program."""

load(":common.bzl", "COMPILE_ATTRS", "compile_target")
load(":compile.bzl", "deploy_jar")
load(":program.bzl", "PROGRAM_ATTRS", "check_main_class", "jvm_flags_of", "named_source", "write_launcher")
load(":providers.bzl", "JavaProgramInfo")

_DOC = """Builds a Java program and a launcher that starts it on the machine's JDK.

```
java_binary(
    name = "server",
    srcs = ["Server.java"],
    main_class = "com.examples.Server",
    deps = [":greeting"],
)
```

`bazel run` starts it; `bazel-bin/.../server` runs from any folder. `server_deploy.jar` has all classes in one jar, which
`java -jar` starts. `$JAVABIN` is another java to start it with.
"""

_ATTRS = {}
_ATTRS.update(COMPILE_ATTRS)
_ATTRS.update(PROGRAM_ATTRS)

def _impl(ctx):
    main_class = ctx.attr.main_class or named_source(ctx)
    if not main_class:
        fail("%s: main_class is empty, and srcs has no %s.java below a folder java, javatests or src/main/java. Set main_class to the class with the main method." %
             (ctx.label, ctx.label.name))
    if ctx.attr.deps and not ctx.files.srcs:
        fail("%s: deps is set, but srcs is empty. Move the labels to runtime_deps, or add srcs." % ctx.label)
    target = compile_target(ctx, jar = ctx.outputs.classjar, sources = ctx.outputs.sourcejar)
    jars = target.java_info.transitive_runtime_jars
    launcher = ctx.actions.declare_file(ctx.label.name)
    flags = jvm_flags_of(ctx)
    write_launcher(ctx, launcher, jars, main_class, flags)
    deploy_jar(ctx, ctx.outputs.deployjar, jars, main_class)
    checked = check_main_class(ctx, main_class, jars)
    return [
        DefaultInfo(
            executable = launcher,
            files = depset([ctx.outputs.classjar, launcher, checked]),
            runfiles = target.runfiles.merge(ctx.runfiles(files = [launcher] + jars.to_list())),
        ),
        target.java_info,
        JavaProgramInfo(jvm_flags = flags, main_class = main_class),
        OutputGroupInfo(_source_jars = depset([ctx.outputs.sourcejar])),
    ]

java_binary = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
    outputs = {
        "classjar": "%{name}.jar",
        "deployjar": "%{name}_deploy.jar",
        "sourcejar": "%{name}-src.jar",
    },
)
