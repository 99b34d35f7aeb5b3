"""Execution requirements of actions that run in persistent workers, for every rule set."""

def worker_requirements(output):
    """Returns the execution requirements of an action with a tool that speaks the JSON worker protocol.

    Bazel names an action's parameter file after its first output, and Bazel 4 cannot open that file for a worker if the name
    is not ASCII. Such an action runs without a worker: slower, but with the same result.

    Args:
      output: The action's first output, a File.

    Returns:
      A dictionary for `execution_requirements`.
    """
    if [byte for byte in output.path.elems() if byte > "~"]:
        return {}
    return {
        "requires-worker-protocol": "json",
        "supports-workers": "1",
    }
