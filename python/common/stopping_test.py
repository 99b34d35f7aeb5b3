"""Tests of the stop event."""

import os
import signal

import pytest

from python.common import stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event(number):
    """SIGTERM and SIGINT set the event and raise nothing."""
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        event = stopping.stop_event()
        was_set = event.is_set()
        os.kill(os.getpid(), number)

        assert not was_set
        assert event.wait(2)
    finally:
        for key, handler in before.items():
            signal.signal(key, handler)
