"""Runs the tools of the image rules."""

load("//rules/common:worker.bzl", "worker_requirements")

# Set on every action of these rules: everything that goes into an image is locked and was fetched earlier. A sandbox that
# can block the network (linux-sandbox, remote execution) does so; README.md says which cannot.
_OFFLINE = {"block-network": "1"}

def run_image_tool(ctx, tool, args, *, inputs, outputs, mnemonic, message, verb = None, worker = False):
    """Declares an action that runs an image tool with its arguments in a file.

    Args:
      ctx: the context of a rule or an aspect.
      tool: FilesToRunProvider of the tool.
      args: Args.
      inputs: list or depset of Files.
      outputs: list of Files.
      mnemonic: the action's mnemonic.
      message: the progress message.
      verb: what a tool with several verbs does. None: the tool has only one.
      worker: whether the tool can run as a persistent worker.
    """
    if verb:
        args.add("--verb=" + verb)
    args.add("--encoding=é")  # arguments.py detects the file's encoding by this character
    args.use_param_file("@%s", use_always = True)  # workers require a file
    args.set_param_file_format("multiline")
    ctx.actions.run(
        executable = tool,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        execution_requirements = dict(_OFFLINE, **worker_requirements(ctx, outputs[0])) if worker else _OFFLINE,
        progress_message = message,
    )
