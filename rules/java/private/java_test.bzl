"""java_test: JUnit tests."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":common.bzl", "COMPILE_ATTRS", "compile_target", "merged_runfiles")
load(":program.bzl", "PROGRAM_ATTRS", "check_main_class", "jvm_flags_of", "named_source", "write_launcher")
load(":providers.bzl", "JavaProgramInfo")

_DOC = """Runs the tests of one class on the JUnit Platform.

```
java_test(
    name = "GreetingTest",
    size = "small",
    srcs = ["GreetingTest.java"],
    deps = [
        ":greeting",
        "@maven//:org_junit_jupiter_junit_jupiter_api",
    ],
)
```

The rules bring the platform's launcher and the engine of JUnit 5; tests of JUnit 4 need
`@maven//:org_junit_vintage_junit_vintage_engine` in `runtime_deps`. `--test_filter=REGEX` runs the tests whose `CLASS#METHOD`
has a match, `shard_count` spreads the methods, and the XML has a case for each test. A class without tests fails.
"""

_ATTRS = {
    "test_class": attr.string(
        doc = "The class with the tests. Empty: the one of `NAME.java` in `srcs`, by the path of that file.",
    ),
    "use_testrunner": attr.bool(
        doc = "False runs `main_class` instead of JUnit; its exit code is the result.",
        default = True,
    ),
    "_junit": attr.label(
        doc = "The jars of JUnit that the runner runs on.",
        default = Label("//rules/java/runtime:junit"),
        providers = [JavaInfo],
    ),
    "_runner": attr.label(
        doc = "The runner.",
        default = Label("//rules/java/tools/junit"),
        providers = [JavaInfo],
    ),
}

_ATTRS.update(COMPILE_ATTRS)
_ATTRS.update(PROGRAM_ATTRS)

_RUNNER = "rules.java.tools.junit.TestRunner"

def _class_path(ctx, jars):
    """Returns the jars of a test in order: the platform first, whose newest version runs all engines, and our engine last."""
    runner = ctx.attr._runner[JavaInfo].transitive_runtime_jars.to_list()
    junit = ctx.attr._junit[JavaInfo].transitive_runtime_jars.to_list()
    platform = [jar for jar in junit if jar.basename.startswith("junit-platform-")]
    return depset(platform + jars.to_list() + junit + runner, order = "preorder")

def _impl(ctx):
    main_class = ctx.attr.main_class
    test_class = ctx.attr.test_class
    if ctx.attr.use_testrunner:
        if main_class:
            fail("%s: main_class is set, but the test runner is the main class. Set test_class, or use_testrunner = False." % ctx.label)
        test_class = test_class or named_source(ctx)
        if not test_class:
            fail("%s: test_class is empty, and srcs has no %s.java below a folder java, javatests or src/test/java. Set test_class to the class with the tests." %
                 (ctx.label, ctx.label.name))
    elif not main_class:
        fail("%s: use_testrunner is False, but main_class is empty. Set main_class to the class to run." % ctx.label)
    target = compile_target(ctx, jar = ctx.outputs.classjar, sources = ctx.outputs.sourcejar)
    jars = target.java_info.transitive_runtime_jars
    launcher = ctx.actions.declare_file(ctx.label.name)
    flags = jvm_flags_of(ctx)
    runfiles = target.runfiles
    if test_class:
        class_path = _class_path(ctx, jars)
        write_launcher(ctx, launcher, class_path, _RUNNER, flags, [test_class])
        checked = check_main_class(ctx, test_class, jars, "test_class")
        runfiles = runfiles.merge(merged_runfiles(ctx, class_path.to_list(), [ctx.attr._junit, ctx.attr._runner]))
    else:
        write_launcher(ctx, launcher, jars, main_class, flags)
        checked = check_main_class(ctx, main_class, jars)
    return [
        DefaultInfo(
            executable = launcher,
            files = depset([ctx.outputs.classjar, launcher, checked]),
            # The checked class is among the runfiles because a test is run without building its other files.
            runfiles = runfiles.merge(ctx.runfiles(files = [launcher, checked] + jars.to_list())),
        ),
        target.java_info,
        JavaProgramInfo(jvm_flags = flags, main_class = main_class or _RUNNER),
    ]

java_test = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = {
        "classjar": "%{name}.jar",
        "sourcejar": "%{name}-src.jar",
    },
    test = True,
)
