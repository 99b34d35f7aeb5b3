"""The readiness of an object as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Readiness:
    """How far an object is.

    Attributes:
        ready: it does what it should.
        reason: what it waits for, "" when ready.
        failed: it will not become ready without a change.
        bad: it is in trouble that may pass.
    """

    ready: bool
    reason: str = ""
    failed: bool = False
    bad: bool = False


READY = Readiness(True)
