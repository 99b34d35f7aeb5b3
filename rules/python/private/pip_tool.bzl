"""Runs a program of the pip repositories in a repository rule."""

TOOL_ATTRS = {
    "_tools": attr.label_list(
        doc = "The programs and the modules they import.",
        default = [
            Label("//rules/common:caches.py"),  # the first; see run_tool
            Label("//rules/common:cache_trust.py"),
            Label("//rules/common:errors.py"),
            Label("//rules/python/tools:download_wheels.py"),
            Label("//rules/python/tools:locked.py"),
            Label("//rules/python/tools:pip_hub.py"),
        ],
        allow_files = True,
    ),
}

def run_tool(repository_ctx, python, tool, arguments):
    """Runs a program in the repository's folder. An error of the program fails the rule.

    Args:
      repository_ctx: context of a repository rule with TOOL_ATTRS.
      python: the interpreter's path.
      tool: the module's name below rules.python.tools.
      arguments: list of strings and paths.
    """
    tools = [repository_ctx.path(tool) for tool in repository_ctx.attr._tools]

    # The tools import by the path from the workspace root; the first one is rules/common/caches.py.
    workspace = tools[0].dirname.dirname.dirname
    result = repository_ctx.execute(
        [python.strip(), "-B", "-m", "rules.python.tools." + tool] + arguments,
        environment = {"PYTHONPATH": str(workspace)},
        timeout = 1800,
    )
    if result.return_code != 0:
        fail(result.stderr.strip().replace("ERROR: ", ""))
