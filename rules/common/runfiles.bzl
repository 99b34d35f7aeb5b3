"""Paths of files in runfiles."""

def runfiles_path(ctx, file):
    """Returns a file's path below the runfiles folder.

    Args:
      ctx: the rule's context.
      file: a File.

    Returns:
      string.
    """
    return file.short_path[len("../"):] if file.short_path.startswith("../") else ctx.workspace_name + "/" + file.short_path

def path_in_repository(file):
    """Returns a file's path in its own repository.

    Args:
      file: a File.

    Returns:
      string.
    """
    return "/".join(file.short_path.split("/")[2:]) if file.short_path.startswith("../") else file.short_path
