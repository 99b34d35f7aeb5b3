"""The cleanup of what must not outlive a run, however it ends: child processes, folders with credentials, and a terminal's settings.

An interrupted run ends with os._exit while its threads are still running, so neither their
`finally` nor atexit is certain to run. `clear` does their work then.

Every run imports this module, but few start a child or write a file: only those load the modules for it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

# How long a terminated child may clean up: an interrupted run ends within 2 s.
_GRACE_SECONDS = 1.0

_lock = threading.Lock()
_children: dict[subprocess.Popen[bytes], bool] = {}
_folders: set[Path] = set()
_actions: list[Callable[[], object]] = []


@contextlib.contextmanager
def child(command: Sequence[str], *, foreground: bool = False, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a process that ends with the block or with the run.

    Args:
        command: the program and its arguments.
        foreground: leave it in the terminal's process group, as a program that asks questions needs. Otherwise it
            gets its own group, so that its children end with it.
        **options: as for Popen.

    Raises:
        OSError: it cannot be started.
    """
    import subprocess

    with _lock:
        process = subprocess.Popen(command, process_group=None if foreground else 0, **options)
        _children[process] = not foreground
    try:
        yield process
    finally:
        with _lock:
            grouped = _children.pop(process, None)
        if grouped is not None:
            _stop({process: grouped})
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Creates a folder that only its owner can read, and removes it after the block or with the run."""
    import tempfile

    with _lock:
        folder = Path(tempfile.mkdtemp(prefix="turnup-"))
        _folders.add(folder)
    try:
        yield folder
    finally:
        _remove(folder)


@contextlib.contextmanager
def undone(action: Callable[[], object]) -> Iterator[None]:
    """Calls an action at the end of the block or of the run, at least once: a signal may interrupt the end of the block.

    Args:
        action: undoes what the block does; it may be called twice.
    """
    with _lock:
        _actions.append(action)
    try:
        yield
    finally:
        action()
        with _lock:
            _actions.remove(action)


def clear() -> None:
    """Terminates the children, removes the folders and undoes the actions of open blocks, for a process that ends now.

    Never releases the lock: a thread that wants to start another child waits until the process ends.
    """
    _lock.acquire()
    for action in _actions:
        action()
    _stop(_children)
    for folder in list(_folders):
        _delete(folder)


def _remove(folder: Path) -> None:
    with _lock:
        _delete(folder)


def _delete(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    _folders.discard(folder)


def _stop(children: dict[subprocess.Popen[bytes], bool]) -> None:
    """Terminates children, and kills those that do not end."""
    alive = {process: grouped for process, grouped in children.items() if process.poll() is None}
    if not alive:
        return
    from subprocess import TimeoutExpired

    for number in (signal.SIGTERM, signal.SIGKILL):
        for process, grouped in alive.items():
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if grouped else os.kill)(process.pid, number)
        for process in list(alive):
            with contextlib.suppress(TimeoutExpired):
                process.wait(_GRACE_SECONDS)
                del alive[process]
