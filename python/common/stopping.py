"""Turns SIGTERM and SIGINT into an event that loops can wait on."""

import signal
import threading


def stop_event() -> threading.Event:
    """Returns an event that is set at the first SIGTERM or SIGINT.

    Must be called from the main thread (the rule of `signal.signal`).
    """
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event
