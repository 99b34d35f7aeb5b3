"""The retry policy of every request to a registry: questions, uploads, downloads and tokens."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS = 8  # with the pauses below they take about 13 s; the pod of a registry restarts in less
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 60.0
LONGEST = 600.0  # seconds after which no other attempt begins: each may take minutes if the answers come slowly
RETRYABLE_STATUSES = frozenset((408, 429, 500, 502, 503, 504))


class Interrupted(Exception):
    """A request was interrupted and can't be repeated alone; the message says what happened.

    Attributes:
        retry_after: the answer's Retry-After; None without one.
    """

    def __init__(self, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RetryPolicy:
    """Counts the attempts of one request and waits between them.

    Args:
        sleep: what waits.
        note: called with a line before each pause.
        longest: seconds after which no other attempt begins; LONGEST when None.
    """

    def __init__(self, sleep: Callable[[float], None], note: Callable[[str], None] = lambda _: None, longest: float | None = None) -> None:
        self._sleep = sleep
        self._note = note
        self._longest = LONGEST if longest is None else longest
        self.reset()

    def reset(self) -> None:
        """Starts counting again, after an attempt that made progress."""
        self._failed, self._pause, self._begun = 0, FIRST_PAUSE, time.monotonic()

    @property
    def tried(self) -> str:
        """How often it was tried, for errors: `once` or `8 times`."""
        return "once" if self._failed == 1 else f"{self._failed} times"

    def wait(self, problem: str, retry_after: str | None = None) -> bool:
        """Waits after a failed attempt; returns False, at once, after the last one.

        The pause is the one of Retry-After, up to 60 s. Without it, it grows with each attempt.

        Args:
            problem: who failed and why, for the note.
            retry_after: the answer's Retry-After; None without one.
        """
        self._failed += 1
        if self._failed >= ATTEMPTS or time.monotonic() - self._begun > self._longest:
            return False
        seconds = _parse_retry_after(retry_after or "")
        # The clock's nanoseconds differ between clients, so that they do not all ask at once; loading random takes 8 ms.
        pause = self._pause * (0.7 + time.perf_counter_ns() % 1000 * 0.0006) if seconds is None else min(seconds, LONGEST_RETRY_AFTER)
        self._note(f"{problem}; attempt {self._failed + 1} of {ATTEMPTS} in {pause:.1f} s")
        self._sleep(pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True


def _parse_retry_after(value: str) -> float | None:
    """Returns the seconds that a Retry-After header asks for, as a number or until a date; None if it is neither."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    if not value.endswith(" GMT"):
        return None
    from email.utils import mktime_tz, parsedate_tz  # takes 20 ms, and few registries send a date

    date = parsedate_tz(value[:64])
    return None if date is None else max(mktime_tz(date) - time.time(), 0.0)
