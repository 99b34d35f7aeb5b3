"""The user's terminal while a command in a container has it: raw, and restored however the run ends."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import threading
import tty
from collections.abc import Iterator

from rules.k8s.tools import cleanup


def size(descriptor: int) -> tuple[int, int]:
    """Returns the columns and rows of a terminal; (0, 0) if they are not known."""
    try:
        found = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return found.columns, found.lines


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Passes every key to the command, Ctrl-C too, until the block or the run ends.

    Args:
        descriptor: the terminal.
    """
    before = termios.tcgetattr(descriptor)

    def restore() -> None:
        # TCSADRAIN would wait for a terminal that is stopped with Ctrl-S.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)

    with cleanup.undone(restore):
        tty.setraw(descriptor, termios.TCSANOW)
        yield


@contextlib.contextmanager
def resizes() -> Iterator[int]:
    """Yields a file descriptor that can be read after each change of the terminal's size."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)

    def changed(_number: int, _frame: object) -> None:
        # The pipe is full if many changes have not been read yet. They need not be told apart.
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"\0")

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGWINCH, changed) if main else None
    try:
        yield reader
    finally:
        if main:
            signal.signal(signal.SIGWINCH, before)
        os.close(reader)
        os.close(writer)
