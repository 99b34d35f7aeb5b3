"""java_image: an image of a Java program, in layers that change at different rates."""

load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load("//rules/common:labels.bzl", "label_text", "repository_name")
load("//rules/image/private:arguments.bzl", "image_arguments", "one_spelling")
load("//rules/image/private:assemble.bzl", "IMAGE_ATTRS", "IMAGE_OUTPUTS", "assemble", "check_settings")
load("//rules/image/private:class_data_sharing.bzl", "SharingInfo")
load("//rules/image/private:java_jdk.bzl", "JdkInfo")
load("//rules/image/private:java_layers.bzl", "JAVA_TOOL_ATTRS", "JavaLayersInfo", "index_jar", "java_layers_aspect")
load("//rules/image/private:java_runtime.bzl", "JAVA_HOME", "find_runtime", "link_runtime", "share_classes", "split_jars", "write_program")
load("//rules/image/private:layer.bzl", "COMPRESSION_ATTR", "EXPANSION", "LAYER_ATTRS", "write_layer")
load("//rules/image/private:locations.bzl", "located", "program_settings")
load("//rules/image/private:prebuilt.bzl", "image_info")
load("//rules/image/private:providers.bzl", "ImageInfo")
load("//rules/image/private:py_layers.bzl", "ROOT", "add_files", "shared_folders")
load("//rules/image/private:unsupported.bzl", "COMMON")
load("//rules/java:defs.bzl", "java_binary", "java_library")

_DOC = """Builds an image of a Java program, with a layer for each third-party jar.

```
java_image(
    name = "image",
    srcs = ["Server.java"],
    main_class = "com.examples.Server",
    deps = ["@maven//:io_grpc_grpc_netty_shaded"],
    ports = ["50051"],
)
```

The layers are, from the lowest: the base, a Java runtime with only the modules that the program needs, one for each third-party
jar, one for the libraries of the workspace, one for data files, the program's resources, its classes, and an archive of shared
classes. A change of a class changes only the last two.

Files are at `/app/WORKSPACE/PATH`, as in runfiles; `$RUNFILES_DIR` is `/app`. The entrypoint is `java` itself on an argument
file with the class path, which lists each jar in the order of the program's; there is no shell, so signals reach the JVM.
Arguments of the container are the program's.

The JVM takes 60 % of the container's memory limit for its heap and exits if that is full. `$JAVA_TOOL_OPTIONS` and `jvm_flags`
override both.
"""

# containerd's overlayfs stacks up to 128 layers; the base and the program need some of them.
_MOST_LAYERS = 100

_ATTRS = {
    "arguments": attr.string_list(
        doc = """Arguments for the program if the container is given none. Empty: none.

`$(location TARGET)` is the path in the image of a file in `data`; `$(NAME)` is a Make variable.""",
    ),
    "binary": attr.label(
        doc = "The java_binary to run.",
        aspects = [java_layers_aspect],
        mandatory = True,
        providers = [JavaInfo],
    ),
    "class_data_sharing": attr.int(
        doc = """Whether the image has an archive of shared classes, from which the JVM starts faster. 1: yes. 0: no.

-1 follows `--//rules/image:class_data_sharing`, which is true by default.""",
        default = -1,
        values = [-1, 0, 1],
    ),
    "class_list": attr.label(
        doc = """The classes in the archive of shared classes, one a line. None: the classes that the main class leads to.

A list that was recorded makes the archive smaller and the start faster: run the program with
`JAVA_TOOL_OPTIONS=-XX:DumpLoadedClassList=FILE`, once, until it is up.""",
        allow_single_file = True,
    ),
    "compression": COMPRESSION_ATTR,
    "data": attr.label_list(
        doc = "Files for `$(location TARGET)` in `arguments` and `jvm_flags`. Empty: none.",
        allow_files = True,
    ),
    "env": attr.string_dict(
        doc = "Environment variables, added to the base's. Empty: the base's.\n\n" + EXPANSION,
    ),
    "java": attr.string(
        doc = """The path of `java` in the base. Empty: the image gets a Java runtime of its own.

Images that share a base with Java also share that runtime, which has all modules and is three times as large.""",
    ),
    "jdk": attr.label(
        doc = "The java_jdk that the Java runtime is made of.",
        default = Label("//rules/image:jdk"),
        providers = [JdkInfo],
    ),
    "jvm_flags": attr.string_list(
        doc = "Flags of the JVM, after those of `binary`. Empty: only those. `$(location TARGET)` is the path in the image of a file in `data`.",
    ),
    "layers": attr.label_list(
        doc = """Libraries of the program that get a layer each, the first one lowest. Empty: none.

A change of one library changes only its layer.""",
        providers = [JavaInfo],
    ),
    "main_class": attr.string(
        doc = "The class to run. Empty: that of `binary`; if it has none, the only class with a main method in its own jars.",
    ),
    "modules": attr.string_list(
        doc = """More modules of the JDK for the Java runtime, such as `jdk.localedata`. Empty: only those that the jars need.

Name a module here if the program finds its classes by reflection or as services. A minus sign before a name, as in
`-java.desktop`, leaves a module out that only code needs which does not run.""",
    ),
    "_class_data_sharing": attr.label(
        doc = "The build setting for images that do not say whether they have an archive of shared classes.",
        default = Label("//rules/image:class_data_sharing"),
    ),
}
_ATTRS.update(IMAGE_ATTRS)
_ATTRS.update(LAYER_ATTRS)
_ATTRS.update(JAVA_TOOL_ATTRS)

def _check(ctx):
    """Fails if attributes do not fit together."""
    check_settings(ctx.attr)
    where = label_text(ctx.label)
    if not ctx.attr.base:
        fail("base: %s has no base. Use an image with the C library, such as //rules/image:java_base." % where)
    if ctx.attr.entrypoint:
        fail("entrypoint: %s has %s, but a java_image starts its binary. Use container_image for another program." % (where, ctx.attr.entrypoint))
    if ctx.attr.java and not ctx.attr.java.startswith("/"):
        fail("java: %s has '%s', which is not an absolute path. Use a path in the base, such as /usr/bin/java." % (where, ctx.attr.java))
    if ctx.attr.java and ctx.attr.modules:
        fail("modules: %s has modules and takes its Java from the base, which has the modules that it has. Remove one of modules and java." % where)

def _file_layer(ctx, name, files, base, executables = {}, beside = [], what = None):
    """Returns the layer of files at their paths as in runfiles, on a base."""
    args = ctx.actions.args()
    add_files(args, files, ctx.workspace_name, executables)
    args.add_all(beside, format_each = "--beside=%s")
    return write_layer(ctx, "%s.%s" % (ctx.label.name, name), args, depset(files), compression = ctx.attr.compression, lower = base.folders, what = what)

def _shared_layers(info):
    """Returns the layers of third-party jars, which images share, sorted by label, so that the order of deps does not change the image."""
    packages = {layer.label: layer for layer in info.layers.to_list()}
    return [packages[label] for label in sorted(packages)][:_MOST_LAYERS]

def _jar_layers(ctx, base, shared, jars):
    """Returns the layers of all jars but the program's own: third party, `layers`, libraries."""
    result = list(shared)
    covered = {file.path: True for layer in shared for file in layer.files}
    jars = [jar for jar in jars if jar.path not in covered]
    rest = [jar for jar in jars if repository_name(jar.owner)]
    if rest:
        result.append(_file_layer(ctx, "third_party", rest, base, what = "third party"))
    jars = [jar for jar in jars if not repository_name(jar.owner)]
    for number, library in enumerate(ctx.attr.layers):
        reached = {jar.path: True for jar in library[JavaInfo].transitive_runtime_jars.to_list()}
        own = [jar for jar in jars if jar.path in reached]
        jars = [jar for jar in jars if jar.path not in reached]
        if own:
            result.append(_file_layer(ctx, "%d" % number, own, base, what = label_text(library.label)))
    if jars:
        result.append(_file_layer(ctx, "libraries", jars, base, what = "libraries"))
    return result

def _tree_layer(ctx, name, tree, base):
    """Returns the layer of a folder with files by their paths in the image, on a base."""
    args = ctx.actions.args()
    args.add("--mode=content")
    args.add_all(["--tree", "."])
    args.add_all([tree], expand_directories = False)
    return write_layer(ctx, "%s.%s" % (ctx.label.name, name), args, depset([tree]), compression = ctx.attr.compression, lower = base.folders, what = name)

def _impl(ctx):
    _check(ctx)
    info = ctx.attr.binary[JavaLayersInfo]
    base = image_info(ctx, ctx.attr.base, "base", ctx.attr.architecture, ctx.attr.operating_system)
    jars = ctx.attr.binary[JavaInfo].transitive_runtime_jars.to_list()
    indexes = {found.jar.path: found.index for found in info.indexes.to_list()}
    for number, jar in enumerate([jar for jar in jars if jar.path not in indexes]):
        indexes[jar.path] = index_jar(ctx, jar, "%s.jar.%d" % (ctx.label.name, number)).index

    # A library with a layer of its own is not the program itself, even if the program has nothing else.
    apart = {jar.path: True for library in ctx.attr.layers for jar in library[JavaInfo].transitive_runtime_jars.to_list()}
    own = {jar.path: True for jar in info.own.to_list() if jar.path not in apart}
    libraries = [jar for jar in jars if jar.path not in own]
    split = split_jars(ctx, [jar for jar in jars if jar.path in own])
    runtime = find_runtime(ctx, base)
    sharing = ctx.attr.class_data_sharing
    shared = ctx.attr._class_data_sharing[SharingInfo].enabled if sharing < 0 else sharing == 1
    stem = "/".join([part for part in [ROOT, ctx.workspace_name, ctx.label.package, ctx.label.name] if part])
    program = write_program(
        ctx,
        archive = stem + ".jsa" if shared else "",
        flags_path = stem + ".flags",
        indexes = indexes,
        jars = jars,
        jvm_flags = info.jvm_flags + [located(ctx.label, "jvm_flags", flag, ctx.attr.data, ctx.workspace_name) for flag in ctx.attr.jvm_flags],
        main_class = ctx.attr.main_class or info.main_class,
        own = [jar for jar in jars if jar.path in own],
        runtime = runtime,
        split = split,
    )
    tree = runtime.tree
    layers = []
    if not tree:
        linked = link_runtime(ctx, program.modules, base)
        layers.append(linked.layer)
        tree = linked.tree
    third_party = _shared_layers(info)
    layers += _jar_layers(ctx, base, third_party, libraries)
    data = depset(ctx.files.data, transitive = [info.data]).to_list()
    if data:
        layers.append(_file_layer(ctx, "data", data, base, {file.path: True for file in info.executables.to_list()}, what = "data"))
    layers.append(_tree_layer(ctx, "resources", split.resources, base))
    layers.append(_tree_layer(ctx, "classes", split.classes, base))
    layers.append(_file_layer(ctx, "start", [program.arguments, program.flags], base, beside = shared_folders(third_party)))
    if shared:
        layers.append(share_classes(ctx, base = base, jars = libraries, program = program, split = split, tree = tree))

    settings = program_settings(
        ctx,
        entrypoint = [ctx.attr.java or JAVA_HOME + "/bin/java", "@%s.jvm" % stem],
        workdir = "%s/%s" % (ROOT, ctx.workspace_name),
    )
    env = {"JAVA_RUNFILES": ROOT, "RUNFILES_DIR": ROOT}
    if not ctx.attr.java:
        env["JAVA_HOME"] = JAVA_HOME
    env.update(ctx.attr.env)
    return assemble(ctx, layers, env = env, attr = settings, base = base)

java_image_rule = rule(
    implementation = _impl,
    doc = _DOC,
    attrs = _ATTRS,
    outputs = IMAGE_OUTPUTS,
    provides = [ImageInfo],
)

_IMAGE_NAMES = [name for name in _ATTRS if not name.startswith("_")] + COMMON

# Attributes that the macro gives to the binary: the image reads them there. `data` goes to both.
_OF_BINARY = ["data", "jvm_flags", "main_class"]

# Attributes of all rules that apply to the image and not to the binary.
_NOT_OF_BINARY = ["deprecation", "tags", "visibility"]

def _main_class(name, srcs):
    """Returns the class of NAME.java in srcs, by its path as java_binary does: the binary has another name than the image."""
    for src in srcs if type(srcs) == "list" else []:
        path = src.rpartition("//")[2].replace(":", "/")
        if path.rpartition("/")[2] != name + ".java":
            continue
        parts = (path if "//" in src else native.package_name() + "/" + path.lstrip("/"))[:-len(".java")].split("/")
        for number, part in enumerate(parts[:-1]):
            if part == "src" and parts[number + 2:number + 3] == ["java"] and number + 3 < len(parts):
                return ".".join(parts[number + 3:])
            if part in ("java", "javatests", "testsrc"):
                return ".".join(parts[number + 1:])
    return None

def java_image(name, base = None, binary = None, layers = [], **kwargs):
    """Builds an image of a Java program, with a layer for each third-party jar.

    Args:
      name: the target's name.
      base: the base image. None: `//rules/image:java_base`, the C library, CA certificates and time zones.

        It takes everything that `base` of container_image takes.
      binary: a java_binary. None: the macro makes one named NAME.binary.

        That java_binary gets `srcs`, `deps`, `runtime_deps`, `resources`, `main_class` and `jvm_flags`, and every other attribute
        that only java_binary has. Without `main_class` it runs the class of `NAME.java` if that is among `srcs`.
      layers: libraries that get a layer each, the first one lowest; they are also deps of the program. Empty: none.

        A change of one library changes only its layer.
      **kwargs: attributes of the rule, and of java_binary if binary is None.
        args (list of strings): another name of `arguments`, as in rules_docker.
        class_data_sharing (bool): whether the image has an archive of shared classes, from which the JVM starts faster.

          None follows `--//rules/image:class_data_sharing`, which is true by default.
        data (list of labels): files that the program needs, and that `$(location TARGET)` in `arguments` and `jvm_flags` can
          name. Empty: none.
        deps (list of labels): Java libraries of the program, without `binary`; without `srcs` the same as `runtime_deps`.
        entrypoint (list of strings): not supported, because the image starts its program. Use container_image for another one.
        javacopts (list of strings): flags of the compiler, without `binary`. Empty: none.
        jvm_flags (list of strings): flags of the JVM. Empty: none.
        label_files (dict from string to label): labels to files with their values. Empty: none.
        main_class (string): the class to run. Unset: that of NAME.java.
        plugins (list of labels): annotation processors, without `binary`. Empty: none.
        resources (list of labels): files that the program reads from its class path, without `binary`. Empty: none.
        runtime_deps (list of labels): Java libraries that the program only needs at run time, without `binary`. Empty: none.
        srcs (list of labels): Java files of the program, without `binary`. Empty: none.
        stamp (bool or int): replace stamp variables such as `{BUILD_USER}` with their values from Bazel's workspace status.

          Stamp variables are replaced in `creation_time`, `cmd`, `entrypoint`, `user`, `workdir` and in the values of `env` and
          `labels`. A stamp variable is `{KEY}`, where KEY has capital letters, digits and underscores. `creation_time` is
          `{BUILD_TIMESTAMP}` unless it is set. Unset or -1 follows Bazel's `--stamp`.
        workdir (string): the folder the program starts in. Empty: `/app/WORKSPACE`, the root of the data files.
    """
    if "args" in kwargs:
        kwargs["arguments"] = kwargs.pop("args")
    if "class_data_sharing" in kwargs:
        sharing = kwargs["class_data_sharing"]
        if type(sharing) in ("bool", "NoneType"):
            kwargs["class_data_sharing"] = -1 if sharing == None else int(sharing)
    if not binary:
        binary = name + ".binary"
        program = {
            key: value
            for key, value in kwargs.items()
            if key in _OF_BINARY or key not in _IMAGE_NAMES or (key in COMMON and key not in _NOT_OF_BINARY)
        }
        kwargs = {key: value for key, value in kwargs.items() if key in _IMAGE_NAMES and key not in ("jvm_flags", "main_class")}
        srcs = program.get("srcs")
        program["main_class"] = program.get("main_class") or _main_class(name, srcs)
        tags = kwargs.get("tags", [])
        tags = tags if "manual" in tags else tags + ["manual"]
        if type(program.get("deps") or []) == "list":
            named = {one_spelling(dep): True for dep in program.get("deps") or []}
            added = [library for library in layers if one_spelling(library) not in named]
            program["deps"] = (program.get("deps") or []) + added if added else program.get("deps")
        elif layers:
            # A separate target, because a select may also name these libraries.
            java_library(name = name + ".layers", exports = layers, tags = ["manual"], testonly = kwargs.get("testonly", False), visibility = ["//visibility:private"])
            program["deps"] = (program.get("deps") or []) + [":%s.layers" % name]
        if not srcs and program.get("deps"):
            # As in rules_docker: java_binary takes deps only with srcs.
            program["runtime_deps"] = program.pop("deps") + (program.get("runtime_deps") or [])
        java_binary(name = binary, tags = tags, visibility = ["//visibility:private"], **program)
        binary = ":" + binary
    java_image_rule(
        name = name,
        base = base or Label("//rules/image:java_base"),
        binary = binary,
        layers = layers,
        **image_arguments(name, kwargs, "java_image", _ATTRS)
    )
