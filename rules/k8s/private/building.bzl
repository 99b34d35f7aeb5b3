"""The build actions of rules/k8s: one program, run by persistent workers."""

load("//rules/common:worker.bzl", "worker_requirements")

BUILD_ATTRS = {
    "_build": attr.label(
        default = Label("//rules/k8s/tools/build:k8s_build"),
        executable = True,
        cfg = "exec",
        doc = "The program of the build actions.",
    ),
    "_schemas": attr.label(
        default = Label("//rules/k8s:schemas"),
        doc = "The schemas that manifests are checked against.",
    ),
}

def build_args(ctx, verb):
    """Returns Args for one verb of the program; the caller adds its own arguments.

    Args:
      ctx: the rule's context.
      verb: string, see tools/build/build_tool.py.

    Returns:
      Args.
    """
    args = ctx.actions.args()

    # A worker always takes its arguments from a file.
    args.use_param_file("@%s", use_always = True)
    args.set_param_file_format("multiline")
    args.add(verb)
    return args

def build_action(ctx, args, inputs, output, mnemonic, progress_message):
    """Declares an action of the program.

    Args:
      ctx: the rule's context, with BUILD_ATTRS.
      args: see build_args.
      inputs: list or depset of Files.
      output: File.
      mnemonic: the action's mnemonic.
      progress_message: the action's progress message.
    """
    ctx.actions.run(
        executable = ctx.attr._build[DefaultInfo].files_to_run,
        arguments = [args],
        inputs = inputs,
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = worker_requirements(ctx, output),
    )
