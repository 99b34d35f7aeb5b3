"""Runfiles of many targets as one."""

def merge_runfiles(runfiles, targets):
    """Merges the default runfiles of targets into runfiles (runfiles.merge_all, which Bazel 4 lacks).

    Args:
      runfiles: what to start with.
      targets: list of targets.
    Returns:
      one runfiles object.
    """
    for target in targets:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return runfiles
