"""Tests of retry delays."""

import itertools

from python.common import backoff


def test_bounds_double_up_to_the_limit():
    """The upper bound doubles with each delay, up to the limit."""
    longest = backoff.delays(0.5, 3.0, draw=lambda low, high: high)

    assert list(itertools.islice(longest, 5)) == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_jitter_stays_between_half_and_whole():
    """Delays are random numbers between half of the bound and the bound."""
    drawn = list(itertools.islice(backoff.delays(1.0, 1.0), 200))

    assert all(0.5 <= delay <= 1.0 for delay in drawn)
    assert len(set(drawn)) > 100
