"""The progress bar of a push, for terminals."""

from __future__ import annotations

from typing import Any, TextIO


class ProgressBar:
    """Draws one bar for all uploads; without an upload it draws nothing.

    Args:
        stream: the terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._progress: Any = None
        self._task: Any = None
        self._blobs: dict[tuple[str, str], tuple[int, int]] = {}

    def show(self, state: str, repository: str, digest: str, sent: int, size: int) -> None:
        """Shows one step; see push.Progress."""
        if state in ("uploading", "uploaded"):
            if self._progress is None:
                self._start()
            self._blobs[repository, digest] = (sent, size)
            done, total = (sum(pair[i] for pair in self._blobs.values()) for i in (0, 1))
            self._progress.update(self._task, description=repository, completed=done, total=total)

    def stop(self) -> None:
        """Leaves the bar as it is and the cursor below it."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self) -> None:
        # Imported here: it takes 50 ms, and a push that sends nothing draws nothing.
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(*columns, console=Console(file=self._stream), transient=False)
        self._task = self._progress.add_task("", total=None)
        self._progress.start()
