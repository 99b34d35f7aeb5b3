"""The errors of cluster commands.

ClusterError            the command failed: exit code 1
└── ClusterUsageError   the command cannot be meant like this: exit code 2

Every message is one sentence that names the place, what was found there and
what to do. Commands print it as `ERROR: …`; nothing else catches it.
"""

from __future__ import annotations

__all__ = ["ClusterError", "ClusterUsageError"]


class ClusterError(Exception):
    """A cluster command failed; str() is the sentence for the user."""

    exit_code = 1


class ClusterUsageError(ClusterError):
    """The arguments of a command are wrong; nothing was touched."""

    exit_code = 2
