"""Execution requirements of actions that run in persistent workers, for every rule set."""

# Bazel 6 and newer write a repository into a label's text. Debian's Bazel does not say its version.
_JSON_BY_DEFAULT = str(Label("//rules/common:worker.bzl")).startswith("@@")

def worker_requirements(ctx, output):
    """Returns the execution requirements of an action with a tool that speaks the JSON worker protocol.

    Bazel names an action's parameter file after its first output, and Bazel 4 cannot open that file for a worker if the name
    is not ASCII. Such an action runs without a worker: slower, but with the same result. So do all actions of a Bazel older than 6 that
    is not told that these workers speak JSON, which are the flags `--experimental_worker_allow_json_protocol` and
    `--define=turnup_workers=json`.

    Args:
      ctx: the rule's context.
      output: The action's first output, a File.

    Returns:
      A dictionary for `execution_requirements`.
    """
    if not _JSON_BY_DEFAULT and ctx.var.get("turnup_workers") != "json":
        return {}
    if [byte for byte in output.path.elems() if byte > "~"]:
        return {}
    return {
        "requires-worker-protocol": "json",
        "supports-workers": "1",
    }
