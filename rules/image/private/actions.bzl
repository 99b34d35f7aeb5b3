"""How the image rules run their tools."""

# Of every action of these rules. What an image is made of is locked and fetched before; a sandbox that can shut the
# network out (linux-sandbox, remote execution) does so. README.md says where it cannot.
_OFFLINE = {"block-network": "1"}

# Of actions whose tool is worker.py's: kept running between actions where Bazel keeps workers, a process each elsewhere.
_WORKER = dict(
    _OFFLINE,
    **{
        "requires-worker-protocol": "json",
        "supports-workers": "1",
    }
)

def _is_ascii(text):
    """Says whether a path has no other characters than ASCII's."""
    return not [c for c in text.elems() if c > "~"]

def run_image_tool(ctx, tool, args, *, inputs, outputs, mnemonic, message, worker = False):
    """Declares an action of one of the image tools, which get their arguments in a file.

    Args:
      ctx: a rule's or aspect's context.
      tool: FilesToRunProvider of the tool.
      args: Args.
      inputs: list or depset of Files.
      outputs: list of Files.
      mnemonic: the action's mnemonic.
      message: what Bazel says while it runs.
      worker: whether the tool is worker.py's.
    """
    args.add("--encoding=é")  # arguments.py tells by it how Bazel has written the file
    args.use_param_file("@%s", use_always = True)  # as workers want it
    args.set_param_file_format("multiline")

    # Bazel 4 names the file after the first output and, for a worker, does not find it under another name than ASCII's.
    kept = worker and not [output for output in outputs if not _is_ascii(output.path)]
    ctx.actions.run(
        executable = tool,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        execution_requirements = _WORKER if kept else _OFFLINE,
        progress_message = message,
    )
