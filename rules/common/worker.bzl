"""What an action whose tool is a persistent worker needs; of any kind of rule."""

def worker_requirements(output):
    """Says how Bazel may run an action whose tool speaks the JSON worker protocol.

    Bazel names an action's parameter file after its first output, and Bazel 4 cannot open that file for a worker where the
    name is not ASCII. Such an action runs without a worker: slower, and with the same bytes.

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
