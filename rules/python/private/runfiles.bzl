"""Merges the runfiles of several targets."""

def merge_runfiles(runfiles, targets):
    """Merges the default runfiles of targets into runfiles (runfiles.merge_all, which Bazel 4 lacks).

    Args:
      runfiles: runfiles to start with.
      targets: list of targets.
    Returns:
      runfiles.
    """
    for target in targets:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return runfiles
