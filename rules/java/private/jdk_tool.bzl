"""jdk_tool: a Java program that other Java rules run, compiled by the JDK itself."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("//rules/common:shell.bzl", "shell_word")
load(":jdk.bzl", "JAVA_VERSION", "JDK_ERROR", "jdk_program")

_DOC = "Compiles a Java program with javac, without a worker, and makes a launcher for actions. It starts in the execution root."

_ATTRS = {
    "heap": attr.label(
        doc = "The setting with the largest heap, as the virtual machine's -Xmx takes it.",
        mandatory = True,
        providers = [BuildSettingInfo],
    ),
    "jvm_flags": attr.string_list(
        doc = "Flags of the virtual machine. Empty: none.",
    ),
    "main_class": attr.string(
        doc = "The class with the main method.",
        mandatory = True,
    ),
    "srcs": attr.label_list(
        doc = "The sources.",
        allow_files = [".java"],
        mandatory = True,
    ),
    "_launcher": attr.label(
        doc = "The launcher's template.",
        default = Label("//rules/java/tools:tool.sh.tpl"),
        allow_single_file = True,
    ),
}

def _compile(ctx, classes):
    """Declares the action that compiles the program, or the one that says why it cannot."""
    message = "Compiling the Java tool %s" % ctx.label
    if JDK_ERROR:
        refusal = ctx.actions.declare_file(ctx.label.name + "_refusal")
        ctx.actions.write(refusal, "#!/bin/sh\necho %s >&2\nexit 1\n" % shell_word("ERROR: " + JDK_ERROR), is_executable = True)
        ctx.actions.run(executable = refusal, outputs = [classes], mnemonic = "JavaTool", progress_message = message)
        return
    args = ctx.actions.args()
    args.add_all(["-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8", "-g", "-proc:none", "-d"])
    args.add_all([classes], expand_directories = False)
    args.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = jdk_program("javac"),
        arguments = [args],
        inputs = ctx.files.srcs,
        outputs = [classes],
        # The version has no effect but to compile again with another JDK.
        env = {"LC_ALL": "C.UTF-8", "TURNUP_JDK": JAVA_VERSION},
        mnemonic = "JavaTool",
        progress_message = message,
    )

def _impl(ctx):
    classes = ctx.actions.declare_directory(ctx.label.name + "_classes")
    _compile(ctx, classes)
    launcher = ctx.actions.declare_file(ctx.label.name)
    flags = ["-Xmx" + ctx.attr.heap[BuildSettingInfo].value, "-Dturnup.heap=--%s" % ctx.attr.heap.label] + ctx.attr.jvm_flags
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%{classes}": classes.path,
            "%{flags}": " ".join(flags),
            "%{java}": jdk_program("java"),
            "%{main_class}": ctx.attr.main_class,
            "%{version}": JAVA_VERSION,
        },
    )
    return [DefaultInfo(
        executable = launcher,
        files = depset([launcher, classes]),
        runfiles = ctx.runfiles(files = [launcher, classes]),
    )]

jdk_tool = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    executable = True,
)
