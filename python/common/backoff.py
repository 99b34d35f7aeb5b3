"""Waiting times between attempts: exponential, with full jitter."""

import random
from collections.abc import Callable, Iterator


def delays(
    first_s: float = 0.2,
    limit_s: float = 5.0,
    *,
    draw: Callable[[float, float], float] = random.uniform,
) -> Iterator[float]:
    """Yields for ever how many seconds to wait before the next attempt.

    The n-th delay is drawn between half of and the whole of
    min(limit_s, first_s * 2**n): clients that failed together do not come
    back together, and none comes back at once.

    Args:
        first_s: upper bound of the first delay, seconds.
        limit_s: upper bound of every delay, seconds.
        draw: returns a number between its two arguments.
    """
    bound = first_s
    while True:
        yield draw(bound / 2, bound)
        bound = min(limit_s, bound * 2)
