"""The shared part of tests that run go-jsonnet's formatter or linter on source files."""

load("//rules/common:shell.bzl", "in_double_quotes", "shell_word")

SOURCE_TEST_ATTRS = {
    "srcs": attr.label_list(
        mandatory = True,
        allow_files = [".jsonnet", ".libsonnet"],
        doc = "The files to check, sources or generated.",
    ),
    "_tools": attr.label(
        default = Label("@jsonnet_tools//:jsonnet_tools"),
        allow_single_file = True,
        doc = "go-jsonnet's formatter and linter.",
    ),
}

# Only starts the tool. The working directory is the runfiles folder of the test.
_LAUNCHER = """#!/bin/sh
exec "{tool}" {arguments}
"""

def source_test(ctx, arguments, files):
    """Declares the launcher of a test that runs the tool on the target's sources.

    Args:
      ctx: Context of a rule with SOURCE_TEST_ATTRS.
      arguments: List of strings: the command of the tool and its options.
      files: depset of Files that the sources import.

    Returns:
      List of providers.
    """
    if not ctx.files.srcs:
        fail("%s: srcs is empty. Add the files to check." % ctx.label)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            arguments = " ".join([shell_word(word) for word in arguments + [file.short_path for file in ctx.files.srcs]]),
            tool = in_double_quotes(ctx.file._tools.short_path),
        ),
        is_executable = True,
    )
    return [DefaultInfo(
        executable = launcher,
        runfiles = ctx.runfiles(files = ctx.files.srcs + [ctx.file._tools], transitive_files = files),
    )]
