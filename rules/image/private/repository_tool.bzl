"""Runs an image tool in a repository rule, before any target is built."""

TOOL_ATTRS = {
    "_python": attr.label(
        doc = "A file with the path of the Python interpreter.",
        default = Label("@host_python//:path.txt"),
        allow_single_file = True,
    ),
    "_tools": attr.label_list(
        doc = "The programs and the modules they import.",
        default = [
            "//rules/common:caches.py",  # the first; see run_tool
            "//rules/common:cache_trust.py",
            "//rules/common:errors.py",
            "//rules/common:no_proxy.py",
            "//rules/common:unpacking.py",
            "//rules/image/tools:arguments.py",
            "//rules/image/tools:errors.py",
            "//rules/image/tools/debian:apt.py",
            "//rules/image/tools/debian:errors.py",
            "//rules/image/tools/debian:lock.py",
            "//rules/image/tools/debian:release.py",
            "//rules/image/tools/images:importing.py",
            "//rules/image/tools/oci:image_files.py",
            "//rules/image/tools/oci:layer_tars.py",
            "//rules/image/tools/oci:oci.py",
            "//rules/image/tools/pull:pull.py",
            "//rules/image/tools/pull:puller.py",
            "//rules/image/tools/registry:auth.py",
            "//rules/image/tools/registry:http1.py",
            "//rules/image/tools/registry:names.py",
            "//rules/image/tools/registry:parallel.py",
            "//rules/image/tools/registry:proxy.py",
            "//rules/image/tools/registry:refusals.py",
            "//rules/image/tools/registry:registry.py",
            "//rules/image/tools/registry:retry.py",
            "//rules/image/tools/registry:sockets.py",
        ],
        allow_files = True,
    ),
}

def run_tool(repository_ctx, tool, arguments):
    """Runs a tool in the repository's folder. An error of the tool fails the rule; its warnings are printed.

    Args:
      repository_ctx: context of a repository rule with TOOL_ATTRS.
      tool: the module's name below rules.image.tools.
      arguments: list of strings and paths.
    """
    tools = [repository_ctx.path(tool) for tool in repository_ctx.attr._tools]

    # The tools import by the path from the workspace root; the first one is rules/common/caches.py.
    workspace = tools[0].dirname.dirname.dirname
    result = repository_ctx.execute(
        [repository_ctx.read(repository_ctx.attr._python).strip(), "-S", "-B", "-m", "rules.image.tools." + tool] + arguments,
        environment = {"PYTHONPATH": str(workspace)},
        timeout = 1800,
    )
    if result.return_code != 0:
        fail(result.stderr.strip().replace("ERROR: ", ""))
    if result.stdout.strip():
        # buildifier: disable=print
        print("\n" + result.stdout.strip())
