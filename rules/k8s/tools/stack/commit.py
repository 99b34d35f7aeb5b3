"""The commit that a stack is applied from, for the list of revisions.

Only the revision has it, in an annotation. If applied objects had it, every commit that changes something else would write
them again and replace their pods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# In a large checkout git may read every file to find out whether one changed; a run does not wait for that.
_SECONDS = 2.0


def commit_of(environ: Mapping[str, str]) -> str:
    """Returns the commit id of the workspace, with `-dirty` where tracked files differ from it.

    Args:
        environ: the process' environment; `bazel run` puts BUILD_WORKSPACE_DIRECTORY there.

    Returns:
        The id; "" if there is no workspace, git or commit, or git takes too long.
    """
    workspace = environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        return ""
    import subprocess  # Few runs write a revision.

    try:
        done = subprocess.run(
            ["git", "-C", workspace, "describe", "--always", "--abbrev=64", "--exclude=*", "--dirty"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = done.stdout.strip()
    return found if done.returncode == 0 and re.fullmatch("[0-9a-f]{40,64}(-dirty)?", found) else ""
