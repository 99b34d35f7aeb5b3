"""The Java runtime of an image, its start files and its archive of shared classes: the actions behind java_image."""

load("//rules/common:labels.bzl", "label_text")
load("//rules/image/private:java_jdk.bzl", "JdkInfo")
load("//rules/image/private:java_layers.bzl", "run_java_tool")
load("//rules/image/private:layer.bzl", "write_layer")
load("//rules/image/private:prebuilt.bzl", "add_image", "image_files")
load("//rules/image/private:py_layers.bzl", "ROOT", "add_files", "image_path")

# Where the tool puts a runtime (rules/image/tools/java/runtime.py).
JAVA_HOME = "/usr/lib/jvm/java"

def split_jars(ctx, jars):
    """Declares the action that splits the program's own jars into classes and resources.

    Args:
      ctx: java_image's context.
      jars: list of Files.
    Returns:
      struct(classes = File, resources = File), folders with jars by their paths in the image.
    """
    classes = ctx.actions.declare_directory(ctx.label.name + ".classes")
    resources = ctx.actions.declare_directory(ctx.label.name + ".resources")
    args = ctx.actions.args()
    args.add_all([classes], format_each = "--classes=%s", expand_directories = False)
    args.add_all([resources], format_each = "--resources=%s", expand_directories = False)
    for jar in jars:
        args.add_all(["--jar", jar_path(ctx, jar)[1:], jar])
    run_java_tool(
        ctx,
        "split",
        args,
        inputs = jars,
        outputs = [classes, resources],
        mnemonic = "ImageJarSplit",
        message = "Splitting the jars of %s" % label_text(ctx.label),
        worker = True,
    )
    return struct(classes = classes, resources = resources)

def jar_path(ctx, jar):
    """Returns the path of a jar in the image.

    Args:
      ctx: java_image's context.
      jar: File.
    Returns:
      absolute path.
    """
    return "%s/%s" % (ROOT, image_path(jar, ctx.workspace_name))

def find_runtime(ctx, base):
    """Returns where the image's Java runtime comes from.

    Args:
      ctx: java_image's context.
      base: ImageInfo of the base.
    Returns:
      struct(modules = File with its version and modules, tree = File, the folder with the base's runtime, or None).
    """
    if not ctx.attr.java:
        return struct(modules = ctx.attr.jdk[JdkInfo].modules, tree = None)
    tree = ctx.actions.declare_directory(ctx.label.name + ".base_jre")
    modules = ctx.actions.declare_file(ctx.label.name + ".base_jre.json")
    args = ctx.actions.args()
    args.add("--where=" + label_text(ctx.label))
    args.add("--java=" + ctx.attr.java)
    args.add_all([tree], format_each = "--output=%s", expand_directories = False)
    args.add(modules, format = "--modules=%s")
    add_image(args, base, "base")
    run_java_tool(
        ctx,
        "base",
        args,
        inputs = image_files(base),
        outputs = [tree, modules],
        mnemonic = "ImageBaseJava",
        message = "Reading the Java runtime of the base of %s" % label_text(ctx.label),
    )
    return struct(modules = modules, tree = tree)

def link_runtime(ctx, modules, base):
    """Declares the actions that make a Java runtime with jlink, and its layer.

    Args:
      ctx: java_image's context.
      modules: File with the names of its modules.
      base: ImageInfo of the base.
    Returns:
      struct(layer = struct(blob, descriptor), tree = File, the folder).
    """
    jdk = ctx.attr.jdk[JdkInfo]
    tree = ctx.actions.declare_directory(ctx.label.name + ".jre")
    args = ctx.actions.args()
    args.add("--where=" + label_text(ctx.label))
    args.add_all([jdk.home], format_each = "--jdk=%s", expand_directories = False)
    args.add(modules, format = "--modules=%s")
    args.add_all([tree], format_each = "--output=%s", expand_directories = False)
    run_java_tool(
        ctx,
        "runtime",
        args,
        inputs = [jdk.home, modules],
        outputs = [tree],
        mnemonic = "ImageJavaRuntime",
        message = "Making the Java runtime of %s" % label_text(ctx.label),
    )
    args = ctx.actions.args()
    args.add("--mode=content")
    args.add("--owner=0:0")
    args.add_all(["--tree", "."])
    args.add_all([tree], expand_directories = False)
    args.add_all(["--symlink", "usr/bin/java", JAVA_HOME + "/bin/java"])
    layer = write_layer(ctx, ctx.label.name + ".jre", args, depset([tree]), compression = ctx.attr.compression, lower = base.folders, what = "Java runtime")
    return struct(layer = layer, tree = tree)

def write_program(ctx, *, archive, flags_path, indexes, main_class, jars, jvm_flags, own, runtime, split):
    """Declares the action that checks the program and writes what its JVM is started with.

    Args:
      ctx: java_image's context.
      archive: the path of the archive of shared classes in the image. Empty: there is none.
      flags_path: the path of the flags in the image.
      indexes: dict from a jar's path to the File of its index.
      main_class: string. Empty: the only one.
      jars: list of Files, the class path.
      jvm_flags: list of strings.
      own: list of Files: the program's own jars.
      runtime: what find_runtime returned.
      split: what split_jars returned.
    Returns:
      struct of Files: arguments, flags, modules and class_list.
    """
    files = struct(
        arguments = ctx.actions.declare_file(ctx.label.name + ".jvm"),
        class_list = ctx.actions.declare_file(ctx.label.name + ".shared_classes"),
        flags = ctx.actions.declare_file(ctx.label.name + ".flags"),
        modules = ctx.actions.declare_file(ctx.label.name + ".modules"),
    )
    args = ctx.actions.args()
    args.add("--where=" + label_text(ctx.label))
    args.add(runtime.modules, format = "--jdk=%s")
    args.add("--main-class=" + main_class)
    args.add("--archive=" + archive)
    args.add("--flags-path=" + flags_path)
    for jar in jars:
        args.add("--jar=" + jar_path(ctx, jar))
        args.add(indexes[jar.path], format = "--index=%s")
    args.add_all(["--own=" + jar_path(ctx, jar) for jar in own])
    args.add_all([split.resources], format_each = "--resources=%s", expand_directories = False)
    args.add_all(ctx.attr.modules, format_each = "--module=%s")
    args.add_all(jvm_flags, format_each = "--jvm-flag=%s")
    if ctx.file.class_list:
        args.add(ctx.file.class_list, format = "--list=%s")
    args.add(files.arguments, format = "--arguments=%s")
    args.add(files.flags, format = "--flags=%s")
    args.add(files.modules, format = "--modules=%s")
    args.add(files.class_list, format = "--class-list=%s")
    run_java_tool(
        ctx,
        "program",
        args,
        inputs = [runtime.modules, split.resources] + [indexes[jar.path] for jar in jars] + ctx.files.class_list,
        outputs = [files.arguments, files.flags, files.modules, files.class_list],
        mnemonic = "ImageJavaProgram",
        message = "Checking the Java program of %s" % label_text(ctx.label),
        worker = True,
    )
    return files

def share_classes(ctx, *, base, jars, program, split, tree):
    """Declares the actions that make the archive of shared classes, and its layer.

    Args:
      ctx: java_image's context.
      base: ImageInfo of the base.
      jars: list of Files: the class path without the program's own jars.
      program: what write_program returned.
      split: what split_jars returned.
      tree: the folder with the Java runtime.
    Returns:
      struct(blob = File, descriptor = File): the layer.
    """
    archive = ctx.actions.declare_file(ctx.label.name + ".jsa")
    args = ctx.actions.args()
    args.add("--where=" + label_text(ctx.label))
    args.add_all([tree], format_each = "--runtime=%s", expand_directories = False)
    args.add(program.arguments, format = "--arguments=%s")
    args.add(program.class_list, format = "--class-list=%s")
    args.add(archive, format = "--output=%s")
    args.add_all([split.classes, split.resources], format_each = "--tree=%s", expand_directories = False)
    for jar in jars:
        args.add_all(["--jar", jar_path(ctx, jar), jar])
    run_java_tool(
        ctx,
        "share",
        args,
        inputs = [tree, program.arguments, program.class_list, split.classes, split.resources] + jars,
        outputs = [archive],
        mnemonic = "ImageSharedClasses",
        message = "Writing the archive of shared classes of %s" % label_text(ctx.label),
    )
    args = ctx.actions.args()
    add_files(args, [archive], ctx.workspace_name)
    return write_layer(ctx, ctx.label.name + ".jsa", args, depset([archive]), compression = ctx.attr.compression, lower = base.folders, what = "shared classes")
