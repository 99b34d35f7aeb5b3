"""Limits on the time and memory that an HTTP answer takes, for every client that is built on http.client (urllib3, urllib.request).

http.client limits a line and the number of headers, and its timeout is for the next bytes only. A server that sends a byte now and
then, endless headers, interim answers, trailers or a body of any size keeps such a client busy, or fills its memory. Here each
answer has a Budget:

    with Budget("https://api.example", seconds=60, size=1 << 20):
        pool.request(...)  # the pool's connections have BoundedResponse as their response_class

The budget in force is the thread's own, because the libraries in between do not pass one on.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

__all__ = ["HEAD_BYTES", "BadAnswerError", "BoundedResponse", "Budget"]

HEAD_BYTES = 256 << 10
"""Most bytes until the headers are complete. http.client itself takes 100 headers of 64 KiB, but any number of interim answers."""

_READ_BLOCK = 1 << 16
_current = threading.local()


class BadAnswerError(Exception):
    """A server's answer takes more time or memory than its budget; the text goes on with "SERVER …"."""


class Budget:
    """What the answer to one request may take; a context manager that makes it the thread's current one.

    Args:
        seconds: from now to the last byte; None for no limit.
        size: bytes of the body as they arrive; None for no limit.
        slowest: bytes per second below which a body counts as dripping; 0 for any speed.
        window: seconds over which the speed is measured.
    """

    def __init__(self, *, seconds: float | None, size: int | None, slowest: float = 0, window: float = 30.0) -> None:
        self.size = size
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds
        self._slowest, self._window = slowest, window
        self._in_head = True
        self._taken = 0
        self._since, self._until_now = time.monotonic(), 0

    def __enter__(self) -> Self:
        self._before = getattr(_current, "budget", None)
        _current.budget = self
        return self

    def __exit__(self, *_: object) -> None:
        _current.budget = self._before

    def extend(self, *, seconds: float | None) -> None:
        """Sets another limit of time, counted from now; None for no limit."""
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def begin_head(self) -> None:
        """Starts to count an answer: a request may have several, after a redirect or a login."""
        self._in_head, self._taken = True, 0

    def begin_body(self, length: int | None) -> None:
        """Starts to count the body.

        Args:
            length: what the headers say; None if they do not.

        Raises:
            BadAnswerError: the announced length is more than the limit.
        """
        if self.size is not None and length is not None and length > self.size:
            raise BadAnswerError(f"announced an answer of {length} bytes, and the limit is {self.size}")
        self._in_head, self._taken = False, 0
        self._since, self._until_now = time.monotonic(), 0

    def left(self) -> float | None:
        """Returns the seconds that are left; None without a limit.

        Raises:
            BadAnswerError: the time is over.
        """
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.late()
        return left

    def late(self) -> BadAnswerError:
        """Returns the error for an answer that is not complete in time."""
        return BadAnswerError(f"did not complete its answer within {self._seconds:g} s")

    def take(self, count: int) -> None:
        """Counts received bytes.

        Raises:
            BadAnswerError: they are more than the limit, or they come too slowly.
        """
        self._taken += count
        if self._in_head:
            if self._taken > HEAD_BYTES + _READ_BLOCK:  # the last block may be the beginning of the body
                raise BadAnswerError(f"sent more than {HEAD_BYTES} bytes without an end of the headers")
            return
        if self.size is not None and self._taken > self.size + _READ_BLOCK:
            raise BadAnswerError(f"sent more than {self.size} bytes")
        if self._slowest and count:
            seconds = time.monotonic() - self._since
            if seconds > self._window:
                if self._taken - self._until_now < self._slowest * seconds:
                    raise BadAnswerError(f"sent only {self._taken - self._until_now} bytes within {seconds:.0f} s")
                self._since, self._until_now = time.monotonic(), self._taken


class _BoundedFile(io.RawIOBase):
    """The bytes of a connection, within a budget.

    Args:
        connection: the socket, or one with TLS.
        budget: the limits.
    """

    def __init__(self, connection: socket.socket, budget: Budget) -> None:
        self._connection = connection
        self._raw: Any = connection.makefile("rb", buffering=0)
        self._budget = budget

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Reads the next bytes.

        Raises:
            BadAnswerError: the answer takes more than its budget.
            TimeoutError: nothing came within the socket's own timeout.
        """
        left, own = self._budget.left(), self._connection.gettimeout()
        if left is None or (own is not None and own <= left):
            count: int | None = self._raw.readinto(buffer)
        else:
            self._connection.settimeout(left)
            try:
                count = self._raw.readinto(buffer)
            except TimeoutError:
                raise self._budget.late() from None
            finally:
                self._connection.settimeout(own)
        self._budget.take(count or 0)
        return count

    def close(self) -> None:
        """Gives up the connection."""
        if not self.closed:
            self._raw.close()
        super().close()


class _Source:
    """Stands in for a socket where http.client asks it for a file."""

    def __init__(self, connection: socket.socket, budget: Budget) -> None:
        self._file = io.BufferedReader(_BoundedFile(connection, budget), _READ_BLOCK)

    def makefile(self, _: str) -> IO[bytes]:
        """Returns the bytes of the connection."""
        return self._file


class BoundedResponse(http.client.HTTPResponse):
    """An HTTP response within the thread's current Budget, without limits if there is none."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
        self._budget: Budget | None = getattr(_current, "budget", None)
        if self._budget:
            self._budget.begin_head()
        source: Any = _Source(sock, self._budget) if self._budget else sock
        super().__init__(source, debuglevel, method, url)

    def begin(self) -> None:
        """Reads the status and the headers.

        Raises:
            BadAnswerError: the answer takes more than its budget.
        """
        super().begin()
        if self._budget:
            self._budget.begin_body(self.length)
