"""Stop event that SIGTERM and SIGINT set, for loops to wait on."""

import signal
import threading


def stop_event() -> threading.Event:
    """Returns an event that SIGTERM and SIGINT set.

    Call it from the main thread, because `signal.signal` requires that.
    """
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event
