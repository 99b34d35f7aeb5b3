"""Runs independent work on several threads, without the modules that concurrent.futures loads."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def run_parallel(work: Callable[[Any], Any], items: Sequence[Any], workers: int) -> list[Any]:
    """Returns [work(item) for item in items], up to workers at a time; an error starts no further item, and an interrupt waits for none."""
    results: list[Any] = [None] * len(items)
    errors: list[BaseException] = []
    todo = iter(range(len(items)))
    lock = _thread.allocate_lock()

    def loop() -> None:
        while not errors:
            with lock:
                index = next(todo, None)
            if index is None:
                return
            try:
                results[index] = work(items[index])
            except BaseException as error:  # noqa: BLE001  # raised again below, in the caller's thread
                errors.append(error)

    def thread(done: _thread.LockType) -> None:
        try:
            loop()
        finally:
            done.release()

    running = []
    for _ in range(min(workers, len(items)) - 1):
        done = _thread.allocate_lock()
        done.acquire()
        _thread.start_new_thread(thread, (done,))
        running.append(done)
    loop()
    # An interrupt does not wait for the uploads of other threads: they end with the process.
    if not any(isinstance(error, KeyboardInterrupt) for error in errors):
        for done in running:
            done.acquire()
    if errors:
        raise errors[0]
    return results
