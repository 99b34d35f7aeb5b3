"""The readiness of an object as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Readiness:
    """Whether an object is ready, and the reason if it is not.

    Attributes:
        ready: whether it does what its manifest says.
        reason: what it waits for, "" when ready.
        failed: whether it cannot become ready without a change.
        bad: whether it has a problem that may pass.
        held: whether it counts as ready although only a person or another program can make it go on, for the reason.
    """

    ready: bool
    reason: str = ""
    failed: bool = False
    bad: bool = False
    held: bool = False


READY = Readiness(True)
