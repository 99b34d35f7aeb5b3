"""An aspect that finds what a Java program has, with a layer for each third-party jar, shared by all images that need the jar."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load("//rules/common:labels.bzl", "apparent_name", "repository_name")
load("//rules/image/private:actions.bzl", "run_image_tool")
load("//rules/image/private:layer.bzl", "LAYER_ATTRS", "write_layer")
load("//rules/image/private:locations.bzl", "located")
load("//rules/image/private:py_layers.bzl", "add_files", "data_program")

JavaLayersInfo = provider(
    doc = "The jars and files that a Java target needs, and how to start the target.",
    fields = {
        "data": "depset of Files: the data of the target and of its libraries, with their runfiles.",
        "executables": "depset of Files: the programs of data targets.",
        "indexes": "depset of struct(jar = File, index = File): what the java tool found in each jar.",
        "jvm_flags": "list of strings: flags of the JVM, with the paths of files in the image.",
        "layers": "depset of struct(label = string, blob = File, descriptor = File, files = tuple of the jars in the layer).",
        "main_class": "string: the class that a program runs. Empty: its rule does not say.",
        "own": "depset of Files: the jars of the target itself; without sources, also those of its direct libraries in the main repository.",
    },
)

JAVA_TOOL_ATTRS = {
    "_java_tool": attr.label(
        doc = "The program that reads jars, makes Java runtimes and archives of shared classes.",
        default = Label("//rules/image/tools/java:java_tool"),
        executable = True,
        cfg = "exec",
    ),
}

# Attributes with the libraries of a program.
_EDGES = ["deps", "runtime_deps", "exports"]

def run_java_tool(ctx, verb, args, *, inputs, outputs, mnemonic, message, worker = False):
    """Declares an action of the java tool.

    Args:
      ctx: the context of a rule or an aspect with JAVA_TOOL_ATTRS.
      verb: what the tool does.
      args: Args.
      inputs: list or depset of Files.
      outputs: list of Files.
      mnemonic: the action's mnemonic.
      message: the progress message.
      worker: whether it runs in a persistent worker.
    """
    run_image_tool(
        ctx,
        ctx.attr._java_tool[DefaultInfo].files_to_run,
        args,
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        message = message,
        verb = verb,
        worker = worker,
    )

def index_jar(ctx, jar, name):
    """Declares the action that reads a jar.

    Args:
      ctx: the context of a rule or an aspect with JAVA_TOOL_ATTRS.
      jar: File.
      name: the output's name, without a suffix.
    Returns:
      struct(jar = File, index = File).
    """
    index = ctx.actions.declare_file(name + ".index.json")
    args = ctx.actions.args()
    args.add(jar, format = "--jar=%s")
    args.add("--name=" + jar.short_path)
    args.add(index, format = "--output=%s")
    run_java_tool(
        ctx,
        "index",
        args,
        inputs = [jar],
        outputs = [index],
        mnemonic = "ImageJarIndex",
        message = "Reading %s" % jar.short_path,
        worker = True,
    )
    return struct(jar = jar, index = index)

def _third_party(target, tags):
    """Returns what the image's history says of a third-party jar: its Maven coordinates, if the repository's tags have them."""
    for tag in tags:
        if tag.startswith("maven_coordinates="):
            return "third party: " + tag[len("maven_coordinates="):]
    return "third party: %s//%s" % (apparent_name(repository_name(target.label)), target.label.name)

def _aspect_impl(target, ctx):
    attr = ctx.rule.attr
    inherited, direct = [], []
    for edge in _EDGES:
        for dep in getattr(attr, edge, None) or []:
            if type(dep) == "Target" and JavaLayersInfo in dep:
                inherited.append(dep[JavaLayersInfo])
                if JavaInfo in dep and not repository_name(dep.label) and edge != "exports":
                    direct += dep[JavaInfo].runtime_output_jars
    jars = target[JavaInfo].runtime_output_jars if JavaInfo in target else []
    indexes, layers = [], []
    for number, jar in enumerate(jars):
        name = "%s.image%s" % (target.label.name, ".%d" % number if number else "")
        indexes.append(index_jar(ctx, jar, name))
        if repository_name(target.label):
            args = ctx.actions.args()
            add_files(args, [jar], ctx.workspace_name)
            layer = write_layer(ctx, name, args, depset([jar]), what = _third_party(target, getattr(attr, "tags", [])))
            layers.append(struct(label = "%s %d" % (target.label, number), blob = layer.blob, descriptor = layer.descriptor, files = (jar,)))
    data = [dep for dep in getattr(attr, "data", None) or [] if type(dep) == "Target"]
    programs = [data_program(dep) for dep in data]
    return [JavaLayersInfo(
        data = depset(transitive = [info.data for info in inherited] + [dep[DefaultInfo].files for dep in data] +
                                   [dep[DefaultInfo].default_runfiles.files for dep in data if dep[DefaultInfo].default_runfiles]),
        executables = depset([program for program in programs if program], transitive = [info.executables for info in inherited]),
        indexes = depset(indexes, transitive = [info.indexes for info in inherited]),
        jvm_flags = [located(target.label, "jvm_flags", flag, data, ctx.workspace_name) for flag in getattr(attr, "jvm_flags", None) or []],
        layers = depset(layers, transitive = [info.layers for info in inherited]),
        main_class = getattr(attr, "main_class", None) or "",
        own = depset(jars if getattr(attr, "srcs", None) or getattr(attr, "resources", None) else jars + direct),
    )]

java_layers_aspect = aspect(
    implementation = _aspect_impl,
    doc = "Reads each jar of a program, and builds a layer for each one of another repository.",
    attr_aspects = _EDGES,
    attrs = dict(LAYER_ATTRS, **JAVA_TOOL_ATTRS),
)
