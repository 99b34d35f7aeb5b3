"""The commit that a stack is applied from, for the list of revisions.

It stands in an annotation of the revision and of nothing that is applied: an object that carried it would be written
anew, and its pods replaced, by every commit that changes something else.
"""

from __future__ import annotations

import re
from typing import Mapping

# In a large checkout git may look at every file to tell whether one has changed: a run does not wait for that.
_SECONDS = 2.0


def commit_of(environ: Mapping[str, str]) -> str:
    """Returns the commit id of the workspace, with `-dirty` where tracked files differ from it.

    Args:
        environ: the process' environment; `bazel run` puts BUILD_WORKSPACE_DIRECTORY there.

    Returns:
        The id, "" where there is no workspace, no git or no commit, or git takes too long.
    """
    workspace = environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        return ""
    import subprocess  # Few runs write a revision.

    try:
        done = subprocess.run(["git", "-C", workspace, "describe", "--always", "--abbrev=64", "--exclude=*", "--dirty"], env=dict(environ),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = done.stdout.strip()
    return found if done.returncode == 0 and re.fullmatch("[0-9a-f]{40,64}(-dirty)?", found) else ""
