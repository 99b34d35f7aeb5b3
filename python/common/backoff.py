"""Retry delays: exponential backoff with jitter."""

import random
from collections.abc import Callable, Iterator


def delays(
    first_s: float = 0.2,
    limit_s: float = 5.0,
    *,
    draw: Callable[[float, float], float] = random.uniform,
) -> Iterator[float]:
    """Yields delays between attempts, without end.

    Delay n is a random number between half of min(limit_s, first_s * 2**n) and
    the whole of it. So clients that failed together do not retry together, and
    none retries at once.

    Args:
        first_s: upper bound of the first delay, in seconds.
        limit_s: upper bound of every delay, in seconds.
        draw: returns a random number between its two arguments.

    Yields:
        The next delay in seconds.
    """
    bound = first_s
    while True:
        yield draw(bound / 2, bound)
        bound = min(limit_s, bound * 2)
