"""The compile action of all Java rules, and JavaInfo of its outputs."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load("//rules/common:labels.bzl", "label_text")
load("//rules/common:worker.bzl", "worker_requirements")

# The end of the names of header jars whose target is a proto_library: its dependents name a java_proto_library.
PROTO_HEADER = "-speed-hjar.jar"

TOOL_ATTRS = {
    "_compiler": attr.label(
        doc = "The program that compiles and writes jars.",
        default = Label("//rules/java/tools/compiler"),
        executable = True,
        cfg = "exec",
    ),
}

def run_tool(ctx, args, inputs, outputs, message):
    """Declares an action of the Java tool, in its worker.

    Args:
      ctx: the context of a rule or aspect with TOOL_ATTRS.
      args: list of Args, the tool's name first.
      inputs: depset of Files.
      outputs: list of Files.
      message: the progress message.
    """

    # The program detects by this character how Bazel encoded the arguments (Arguments.java).
    args[-1].add_all(["--encoding", "é"])
    for each in args:
        each.use_param_file("@%s", use_always = True)
        each.set_param_file_format("multiline")
    ctx.actions.run(
        executable = ctx.attr._compiler[DefaultInfo].files_to_run,
        arguments = args,
        inputs = inputs,
        outputs = outputs,
        # One mnemonic for all: Bazel keeps workers of their own, a virtual machine each, for each mnemonic.
        mnemonic = "Javac",
        progress_message = message,
        execution_requirements = worker_requirements(ctx, outputs[0]),
    )

def _flag_pairs(args, flag, values):
    args.add_all(values, before_each = flag)

def _owned(file):
    """Returns the arguments of a jar on the class path: its path, and the target to name for it (proto=LABEL for a proto_library)."""
    text = str(file.owner)
    for main in ["@@//", "@//"]:
        if text.startswith(main):
            text = text[len(main) - 2:]
    if file.basename.endswith(PROTO_HEADER):
        text = "proto=" + text
    return ["--transitive", file.path, "--owner", text]

def compile_java(ctx, jar, header, label, srcs, deps, plugins = [], javacopts = [], resources = [], generated = None, strict = True):
    """Declares the action that compiles sources to a class jar and a header jar.

    Args:
      ctx: the context of a rule or aspect with TOOL_ATTRS.
      jar: the File of the class jar.
      header: the File of the header jar, which only a change that dependents can see changes.
      label: the label that errors name.
      srcs: list of .java and .srcjar Files. Empty: the jars have no classes.
      deps: list of JavaInfo.
      plugins: list of JavaPluginsInfo. Empty: no annotation processor runs.
      javacopts: list of options for javac. Empty: only those of the rules.
      resources: list of (path in the jar, File). Empty: none.
      generated: the File of the jar with sources that annotation processors write. None: not written.
      strict: False compiles although srcs use classes of targets that are not in deps.
    """
    args = ctx.actions.args()
    args.add("compile")
    args.add("--label", label_text(label))
    args.add("--output", jar)
    args.add("--header", header)
    if generated:
        args.add("--generated-sources", generated)
    sources = [src for src in srcs if src.extension == "java"]
    source_jars = [src for src in srcs if src.extension != "java"]
    _flag_pairs(args, "--source", sources)
    _flag_pairs(args, "--source-jar", source_jars)
    inputs = [depset(srcs + [file for _, file in resources])]
    if srcs:
        direct = depset(transitive = [dep.compile_jars for dep in deps], order = "preorder")
        transitive = depset(transitive = [dep.transitive_compile_time_jars for dep in deps], order = "preorder")
        _flag_pairs(args, "--direct", direct)
        args.add_all(transitive, map_each = _owned)
        _flag_pairs(args, "--javacopt", javacopts)
        inputs += [direct, transitive]
        for plugin in plugins:
            _flag_pairs(args, "--processor", plugin.processors)
            _flag_pairs(args, "--processor-path", plugin.jars)
            inputs += [plugin.jars, plugin.data]
        if not strict:
            args.add("--strict-deps", "off")
    for path, file in resources:
        args.add("--resource", file)
        args.add("--resource-name", path)
    run_tool(
        ctx,
        [args],
        depset(transitive = inputs),
        [jar, header] + ([generated] if generated else []),
        "Compiling %s (%d files)" % (label_text(label), len(srcs)),
    )

def source_jar(ctx, output, srcs):
    """Declares the action that writes the source jar.

    Args:
      ctx: the context of a rule or aspect with TOOL_ATTRS.
      output: the File of the source jar.
      srcs: list of .java and .srcjar Files. Empty: the jar is empty.
    """
    args = ctx.actions.args()
    args.add("source")
    args.add("--output", output)
    _flag_pairs(args, "--source", [src for src in srcs if src.extension == "java"])
    _flag_pairs(args, "--source-jar", [src for src in srcs if src.extension != "java"])
    run_tool(ctx, [args], depset(srcs), [output], "Writing %s" % output.short_path)

def header_jar(ctx, output, jar):
    """Declares the action that writes the header jar of a jar that was compiled elsewhere.

    Args:
      ctx: the context of a rule with TOOL_ATTRS.
      output: the File of the header jar.
      jar: the File of the jar.
    """
    args = ctx.actions.args()
    args.add("header")
    args.add("--jar", jar)
    args.add("--output", output)
    run_tool(ctx, [args], depset([jar]), [output], "Writing the header jar of %s" % jar.short_path)

def deploy_jar(ctx, output, jars, main_class):
    """Declares the action that merges jars into one that `java -jar` starts.

    Args:
      ctx: the context of a rule with TOOL_ATTRS.
      output: the File of the merged jar.
      jars: depset of jars, in the order of the class path.
      main_class: the class to start. Empty: none.
    """
    args = ctx.actions.args()
    args.add("deploy")
    args.add("--output", output)
    if main_class:
        args.add("--main-class", main_class)
    _flag_pairs(args, "--jar", jars)
    run_tool(ctx, [args], jars, [output], "Merging %s" % output.short_path)

def java_infos(targets):
    """Returns JavaInfo of each target that has one.

    Args:
      targets: list of targets.
    Returns:
      list of JavaInfo.
    """
    return [target[JavaInfo] for target in targets if JavaInfo in target]
