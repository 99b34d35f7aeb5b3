"""Attributes and outputs that java_library, java_binary, java_test and java_plugin share."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load("@rules_java//java/common:java_info.bzl", "JavaInfo")
load(":compile.bzl", "TOOL_ATTRS", "compile_java", "java_infos", "source_jar")
load(":providers.bzl", "JavaPluginsInfo", "merge_plugins")
load(":resources.bzl", "resource_entries")

COMPILE_ATTRS = {
    "classpath_resources": attr.label_list(
        doc = "Files for the root of the jar. Empty: none.",
        allow_files = True,
    ),
    "data": attr.label_list(
        doc = "Files that the code needs at run time, in its runfiles. Empty: none.",
        allow_files = True,
    ),
    "deps": attr.label_list(
        doc = "The libraries whose classes `srcs` use. Empty: none.",
        providers = [JavaInfo],
    ),
    "javacopts": attr.string_list(
        doc = "Options for javac, after those of the rules. Empty: none.",
    ),
    "plugins": attr.label_list(
        doc = "java_plugin targets with annotation processors for `srcs`. Empty: those that `deps` export.",
        providers = [JavaPluginsInfo],
    ),
    "resource_strip_prefix": attr.string(
        doc = """The folder, from the workspace root, that resources are below in the jar. Empty: by their own path.

That is what follows `src/main/resources/` or `src/test/resources/`, else `java/` or `javatests/`, else the whole path.""",
    ),
    "resources": attr.label_list(
        doc = "Files for the jar, which the code finds on the class path. Empty: none.",
        allow_files = True,
    ),
    "runtime_deps": attr.label_list(
        doc = "Libraries that are only on the class path of the running program. Empty: none.",
        providers = [JavaInfo],
    ),
    "srcs": attr.label_list(
        doc = "Sources (.java) and jars of sources (.srcjar, -src.jar). Empty: the target only groups others.",
        allow_files = [".java", ".srcjar", "-src.jar"],
    ),
    "_error_prone": attr.label(
        doc = "Error Prone, if the setting //rules/java:error_prone is on.",
        default = Label("//rules/java/tools:error_prone"),
        providers = [JavaPluginsInfo],
    ),
    "_error_prone_setting": attr.label(
        doc = "Whether Error Prone checks each compilation.",
        default = Label("//rules/java:error_prone"),
        providers = [BuildSettingInfo],
    ),
}

COMPILE_ATTRS.update(TOOL_ATTRS)

# Error Prone's own demands on javac: https://errorprone.info/docs/installation
_ERROR_PRONE = ["-Xplugin:ErrorProne", "-XDcompilePolicy=simple", "--should-stop=ifError=FLOW"]

def merged_runfiles(ctx, files, targets):
    """Returns runfiles of files and of everything that targets need.

    Args:
      ctx: the rule's context.
      files: list of Files.
      targets: list of targets.
    Returns:
      runfiles.
    """
    runfiles = ctx.runfiles(files = files)
    for target in targets:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return runfiles

def compile_target(ctx, jar, sources, exports = [], neverlink = False, exported_plugins = [], more_deps = []):
    """Declares the actions of a target with COMPILE_ATTRS.

    Args:
      ctx: the rule's context.
      jar: the File of the class jar.
      sources: the File of the source jar.
      exports: list of targets that dependents see as if they were in their deps. Empty: none.
      neverlink: whether the jar is missing at run time.
      exported_plugins: list of targets with JavaPluginsInfo for dependents. Empty: none.
      more_deps: list of targets to compile with besides deps. Empty: none.
    Returns:
      struct(java_info, plugins_info, runfiles, generated): generated is the jar of generated sources, or None.
    """
    for option in ctx.attr.javacopts:
        if option.startswith("@"):  # Bazel would read the file before javac does, relative to a folder of its own.
            fail("%s: javacopts has %s, but a file of options cannot be read here. Write the options into the list." % (ctx.label, option))
    stem = jar.basename[:-len(".jar")]
    header = ctx.actions.declare_file(stem + "-hjar.jar", sibling = jar)
    deps = ctx.attr.deps + more_deps
    plugins = [target[JavaPluginsInfo] for target in ctx.attr.plugins + deps if JavaPluginsInfo in target]
    generated = ctx.actions.declare_file(stem + "-gensrc.jar", sibling = jar) if ctx.attr.plugins or [p for p in plugins if p.jars] else None
    checks = []
    if ctx.attr._error_prone_setting[BuildSettingInfo].value:
        plugins = plugins + [ctx.attr._error_prone[JavaPluginsInfo]]
        checks = _ERROR_PRONE
    infos = java_infos(deps)
    compile_java(
        ctx,
        jar = jar,
        header = header,
        label = ctx.label,
        srcs = ctx.files.srcs,
        deps = infos,
        plugins = plugins,
        javacopts = checks + ctx.attr.javacopts,
        resources = resource_entries(ctx),
        generated = generated,
    )
    source_jar(ctx, sources, ctx.files.srcs)
    return struct(
        generated = generated,
        java_info = JavaInfo(
            output_jar = jar,
            compile_jar = header,
            source_jar = sources,
            neverlink = neverlink,
            deps = infos,
            exports = java_infos(exports),
            runtime_deps = java_infos(ctx.attr.runtime_deps),
        ),
        plugins_info = merge_plugins([target[JavaPluginsInfo] for target in exported_plugins + exports if JavaPluginsInfo in target]),
        runfiles = merged_runfiles(ctx, ([] if neverlink else [jar]) + ctx.files.data, deps + exports + ctx.attr.runtime_deps + ctx.attr.data),
    )
