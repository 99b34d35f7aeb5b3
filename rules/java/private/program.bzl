"""The launcher and the main class of java_binary and java_test."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/common:runfiles.bzl", "runfiles_path")
load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")
load(":compile.bzl", "run_tool")
load(":jdk.bzl", "jdk_program")

PROGRAM_ATTRS = {
    "env": attr.string_dict(
        doc = "Environment variables; `$(rootpath TARGET)` is a file's path in runfiles. Empty: none.",
    ),
    "jvm_flags": attr.string_list(
        doc = "Flags of the virtual machine; `$(rootpath TARGET)` is a file's path in runfiles. Empty: none.",
    ),
    "main_class": attr.string(
        doc = "The class with the main method. Empty: the one of `NAME.java` in `srcs`, by the path of that file.",
    ),
    "_launcher": attr.label(
        doc = "The launcher's template.",
        default = Label("//rules/java/tools:program.sh.tpl"),
        allow_single_file = True,
    ),
}

def class_of_source(path):
    """Returns the class that a source defines, by its path: what follows java, javatests or src/main/java.

    Args:
      path: the path of the .java file from the workspace root.
    Returns:
      string, or None if no folder of the path is a source root.
    """
    parts = path[:-len(".java")].split("/")
    for i in range(len(parts) - 1):
        if parts[i] == "src" and i + 2 < len(parts) - 1 and parts[i + 2] == "java":
            return ".".join(parts[i + 3:])
        if parts[i] in ("java", "javatests", "testsrc"):
            return ".".join(parts[i + 1:])
    return None

def named_source(ctx):
    """Returns the class of NAME.java in srcs, or None.

    Args:
      ctx: the context of a rule with srcs.
    Returns:
      string or None.
    """
    for src in ctx.files.srcs:
        if src.basename == ctx.label.name.split("/")[-1] + ".java":
            return class_of_source(src.short_path)
    return None

def _expand(ctx, text):
    # $(location) is rootpath here, as in rules_java: the program runs in runfiles.
    for word in ["location ", "locations "]:
        text = text.replace("$(" + word, "$(" + word.replace("location", "rootpath"))
    return ctx.expand_location(text, ctx.attr.data)

def jvm_flags_of(ctx):
    """Returns jvm_flags with locations replaced.

    Args:
      ctx: the context of a rule with PROGRAM_ATTRS.
    Returns:
      list of strings.
    """
    return [_expand(ctx, flag) for flag in ctx.attr.jvm_flags]

def write_launcher(ctx, launcher, jars, main_class, jvm_flags, arguments = []):
    """Declares the launcher of a program.

    Args:
      ctx: the context of a rule with PROGRAM_ATTRS.
      launcher: the File of the launcher.
      jars: depset of jars, in the order of the class path.
      main_class: the class to start.
      jvm_flags: list of flags of the virtual machine.
      arguments: list of arguments before the user's. Empty: none.
    """
    exports = ["export %s=%s" % (name, shell_word(_expand(ctx, value))) for name, value in ctx.attr.env.items()]
    ctx.actions.expand_template(
        template = ctx.file._launcher,
        output = launcher,
        is_executable = True,
        substitutions = {
            "%{arguments}": " ".join([shell_word(each) for each in arguments]),
            "%{class_path}": ":".join(["$r/" + in_double_quotes(runfiles_path(ctx, jar)) for jar in jars.to_list()]),
            "%{exports}": "\n".join(exports),
            "%{flags}": " ".join([shell_word(each) for each in jvm_flags]),
            "%{java}": jdk_program("java"),
            "%{main_class}": shell_word(main_class),
            "%{self}": in_double_quotes(runfiles_path(ctx, launcher)),
        },
    )

def check_main_class(ctx, main_class, jars, attribute = "main_class"):
    """Declares the action that checks that the class that an attribute names exists.

    Args:
      ctx: the context of a rule with TOOL_ATTRS.
      main_class: the class.
      jars: depset of jars, in the order of the class path.
      attribute: main_class, whose class needs a main method, or test_class.
    Returns:
      the File to make part of what is built.
    """
    checked = ctx.actions.declare_file(ctx.label.name + "." + attribute)
    args = ctx.actions.args()
    args.add("main-class")
    args.add("--label", label_text(ctx.label))
    args.add("--class", main_class)
    args.add("--attribute", attribute)
    args.add_all(jars, before_each = "--jar")
    args.add("--output", checked)
    run_tool(ctx, [args], jars, [checked], "Checking %s of %s" % (attribute, label_text(ctx.label)))
    return checked
