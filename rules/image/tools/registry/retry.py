"""When and how often a request to a registry is tried again."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from typing import Callable



ATTEMPTS = 8  # with the pauses below about 13 s of patience: a registry's pod restarts in less


FIRST_PAUSE = 0.1


LONGEST_PAUSE = 8.0


LONGEST_WISH = 60.0


RETRYABLE_STATUSES = frozenset((408, 429, 500, 502, 503, 504))


class Interrupted(Exception):
    """A request that may not be repeated by itself broke off; the message says how.

    Attributes:
        wish: the answer's Retry-After, None where there is none.
    """

    def __init__(self, message: str, wish: str | None = None) -> None:
        super().__init__(message)
        self.wish = wish


class RetryPolicy:
    """Counts the attempts of one request and waits between them.

    Args:
        sleep: what waits.
        note: called with a line for each pause.
    """

    def __init__(self, sleep: Callable[[float], None], note: Callable[[str], None] = lambda _: None) -> None:
        self._sleep = sleep
        self._note = note
        self.renew()

    def renew(self) -> None:
        """Count anew, because something was gained."""
        self._failed, self._pause = 0, FIRST_PAUSE

    def waits(self, wish: str | None, problem: str = "") -> bool:
        """Wait after a failed attempt; return False, at once, where it was the last one.

        Args:
            wish: the answer's Retry-After, None where there is none.
            problem: who failed and why, for the note.
        """
        self._failed += 1
        if self._failed >= ATTEMPTS:
            return False
        pause = pause_for(self._pause, wish)
        self._note(attempt_line(problem, self._failed + 1, ATTEMPTS, pause))
        self._sleep(pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True


def attempt_line(problem: str, attempt: int, attempts: int, pause: float) -> str:
    """Return the line that says what is waited for before another attempt."""
    return f"{problem}; attempt {attempt} of {attempts} in {pause:.1f} s"


def pause_for(pause: float, wish: str | None) -> float:
    """Return how long to wait: what the registry wishes in Retry-After, up to 60 s, else pause with jitter."""
    seconds = _seconds(wish or "")
    if seconds is not None:
        return min(seconds, LONGEST_WISH)
    # No random module for this: the clock's nanoseconds differ between clients as well.
    return pause * (0.7 + time.perf_counter_ns() % 1000 * 0.0006)


def _seconds(wish: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or until a date; None if it is neither."""
    if wish.isascii() and wish.isdigit():
        return float(wish[:9])
    if not wish.endswith(" GMT"):
        return None
    from email.utils import mktime_tz, parsedate_tz  # pylint: disable=import-outside-toplevel  # seldom, and 20 ms

    date = parsedate_tz(wish)
    return None if date is None else max(mktime_tz(date) - time.time(), 0.0)
