"""What a launcher starts: heeds signals from the first moment on, and only then loads what does the work."""

from __future__ import annotations

import os
import signal
import sys

from rules.k8s.tools.verbs.signals import TERMINATION_SIGNALS

_WORDS = b"ERROR: interrupted; run the same command again to continue.\n"


def _end(number: int, _: object) -> None:
    """Ends at once: nothing has been begun, so nothing is left behind."""
    try:
        os.write(2, _WORDS)
    finally:
        os._exit(128 + number)


def heed_signals() -> None:
    """Has a signal to end say so in a line while nothing else is loaded, unless the process was started to ignore it."""
    for number in TERMINATION_SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)


def open_streams() -> None:
    """Opens standard streams that whoever started the process has closed: a file opened later would take their numbers."""
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is given first.
            os.open(os.devnull, os.O_RDWR)
        name = ("stdin", "stdout", "stderr")[number]
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def main(argv: list[str]) -> None:
    """Runs a verb and ends the process; `argv` as for run.main."""
    heed_signals()
    open_streams()
    from rules.k8s.tools.verbs.main import run_process

    run_process(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
