"""How the image rules run their tools."""

load("//rules/common:worker.bzl", "worker_requirements")

# Of every action of these rules. What an image is made of is locked and fetched before; a sandbox that can shut the
# network out (linux-sandbox, remote execution) does so. README.md says where it cannot.
_OFFLINE = {"block-network": "1"}

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
    ctx.actions.run(
        executable = tool,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        execution_requirements = dict(_OFFLINE, **worker_requirements(outputs[0])) if worker else _OFFLINE,
        progress_message = message,
    )
