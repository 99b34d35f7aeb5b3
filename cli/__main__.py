"""The program that the launcher starts: handles signals from the first moment, and only then loads the command.

Until then, Ctrl-C would end Python with a traceback, so the launcher blocks signals. It starts Python with -S to keep that short.
"""

import fcntl
import os
import signal
import sys

_FOLDER = os.path.dirname(os.path.realpath(__file__))
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _end(number: int, _: object) -> None:
    """Exits at once: nothing has started yet, so there is nothing to clean up."""
    try:
        os.write(2, b"ERROR: stopped by %s; run the same command again\n" % signal.Signals(number).name.encode())
    finally:
        os._exit(128 + number)


def handle_signals() -> None:
    """Handles the signals that end the process, unless it was started to ignore them; the launcher has blocked them until now."""
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def open_streams() -> None:
    """Opens standard streams that were closed when the process started: a file opened later would take their numbers.

    bash has opened the launcher's script under the number of a closed stream, and leaves it open. It can't be written to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            usable = number == 0 or fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
            os.fstat(number)
        except OSError:
            usable = False
        if not usable:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            os.set_inheritable(number, True)
            if opened > 2:
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def main(argv: list[str]) -> int:
    """Runs the command; arguments and result are those of cli.main.main."""
    handle_signals()
    open_streams()
    if sys.flags.no_site:
        import site

        site.main()
    # With -I, Python ignores the caller's PYTHONPATH. The folder cli/ itself must go, or cli/kubernetes.py would hide the package kubernetes.
    sys.path[:] = [os.path.dirname(_FOLDER), *(path for path in sys.path if os.path.realpath(path) != _FOLDER)]
    from cli.main import run_process

    return run_process(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
