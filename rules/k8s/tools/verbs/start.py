"""The entry point that a launcher starts: handles signals from the first moment, and only then loads the rest."""

from __future__ import annotations

import os
import signal
import sys

from rules.k8s.tools.signals import TERMINATION_SIGNALS

_WORDS = b"ERROR: interrupted; run the same command again to continue.\n"


def _end(number: int, _: object) -> None:
    """Exits at once: nothing has started yet, so there is nothing to clean up."""
    try:
        os.write(2, _WORDS)
    finally:
        os._exit(128 + number)


def handle_signals() -> None:
    """Handles signals that end the process before anything else is loaded, unless the process was started to ignore them."""
    for number in TERMINATION_SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)


def open_streams() -> None:
    """Opens standard streams that were closed when the process started: a file opened later would take their numbers."""
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            # The system assigns the lowest free number first.
            os.open(os.devnull, os.O_RDWR)
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def main(argv: list[str]) -> None:
    """Runs a verb and ends the process; `argv` as for main.main."""
    handle_signals()
    open_streams()
    from rules.k8s.tools.verbs.main import run_process

    run_process(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
