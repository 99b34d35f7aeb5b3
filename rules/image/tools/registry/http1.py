"""HTTP/1.1 on one connection, as far as a client of registries needs it (RFC 9112).

Everything here is written to load in a millisecond: http.client, ssl and even the standard library's `socket` cost more than
pushing a small image does. With urllib3, which talks to API servers, a push of nothing takes 81 ms instead of 13 ms, and a push
of one image with 1 MB to send 92 ms instead of 20 ms (2026-11-29, medians of 25 runs). The aims in //tests/bench are 60 ms for
image.push_start and 1.2 of crane's 29 ms for image.push_app. Repository rules need this module too, because they run with the
system's Python, which has no third-party packages.
"""

from __future__ import annotations

import os
import time

from rules.image.tools.registry.sockets import BadAnswer, connect, set_timeout

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

TIMEOUT = 60.0  # without a byte, and for the whole head of an answer
BODY_TIMEOUT = 300.0  # for a whole answer, which has at most 4 MiB, and for the answers to requests that were sent together
SLOWEST = 1024  # bytes a second that a body of any size brings at least, on the average of TIMEOUT
_BLOCK = 1 << 22
_TLS_BLOCK = 1 << 18
_READ_BLOCK = 1 << 18
_HEAD_LIMIT = 1 << 16
_INTERIM_LIMIT = 8
_TRAILER_LIMIT = 64
_BODY_LIMIT = 1 << 22
_NO_BODY = (204, 304)


class Answer:
    """An HTTP answer.

    Attributes:
        status: the status code.
        headers: values by name in lower case; the first value of a repeated header, but all challenges, separated by commas.
        body: all of it.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """A connection that the first request opens, and that stays open between requests if the server agrees.

    TLS goes through the proxy in HTTPS_PROXY, if there is one for the host.

    Args:
        host: name or address, without brackets.
        port: TCP port.
        plain: False for TLS.
        timeout: seconds without a byte, and for the whole head of an answer; TIMEOUT when None.
    """

    def __init__(self, host: str, port: int, plain: bool, timeout: float | None = None) -> None:
        self.host = host
        self.port = port
        self.plain = plain
        self._socket: Any = None
        self._buffer = b""
        self._closes = False
        self._deadline = 0.0
        self._window: tuple[float, int] | None = None
        self._timeout = TIMEOUT if timeout is None else timeout
        self._within = self._timeout

    def close(self) -> None:
        """Closes it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""

    @property
    def opened(self) -> bool:
        """Whether a request would use an existing connection, which the other side may have closed meanwhile."""
        return self._socket is not None

    def request(self, head: bytes, body: bytes | BinaryIO | None = None, size: int = 0, sent: Callable[[int], None] | None = None) -> Answer:
        """Sends one request and reads its answer.

        Args:
            head: request line and headers, with the empty line at the end.
            body: bytes, or an unbuffered file to send from its start.
            size: length of a body that is a file, in bytes.
            sent: called with the number of body bytes after each block of a file.

        Raises:
            OSError: there is no connection, or it broke.
            EOFError: the file is shorter than size.
        """
        try:
            self._open()
            refused = False
            if body is None or isinstance(body, bytes):
                self._socket.sendall(head + (body or b""))
            else:
                try:
                    self._socket.sendall(head)
                    self._send_file(body, size, sent)
                except (BrokenPipeError, ConnectionResetError):
                    refused = True  # an early answer says why, if it can still be read
            answer = self._answer(head.startswith(b"HEAD "))
            if refused or self._closes:
                self.close()
            return answer
        except BlockingIOError:
            self.close()
            raise TimeoutError(f"accepted no data for {self._timeout:.0f} s") from None
        except BaseException:
            self.close()
            raise

    def pipeline(self, heads: list[bytes]) -> list[Answer]:
        """Sends HEAD requests one after the other without waiting, and reads their answers.

        Returns:
            The answers, in order; fewer than heads if the connection ended early.

        Raises:
            OSError: there is no connection.
            TimeoutError: not even the first answer came in time.
        """
        self._open()
        answers: list[Answer] = []
        last = time.monotonic() + BODY_TIMEOUT
        try:
            self._socket.sendall(b"".join(heads))
            while len(answers) < len(heads):
                if time.monotonic() > last:
                    raise TimeoutError(f"no complete answers within {BODY_TIMEOUT:.0f} s")
                answers.append(self._answer(True))
                if self._closes:
                    self.close()
                    break
        except OSError as error:
            self.close()
            if isinstance(error, TimeoutError) and not answers:
                raise
        return answers

    def _open(self) -> None:
        """Connects unless there is a connection."""
        if self._socket is None:
            self._socket = connect(self.host, self.port, self.plain, self._timeout)

    def _send_file(self, body: BinaryIO, size: int, sent: Callable[[int], None] | None) -> None:
        """Sends size bytes of a file, in pieces large enough to be cheap and small enough to show progress."""
        done = 0
        while done < size:
            if self.plain:
                count = os.sendfile(self._socket.fileno(), body.fileno(), done, min(_BLOCK, size - done))
            else:
                block = os.pread(body.fileno(), min(_TLS_BLOCK, size - done), done)
                self._socket.sendall(block)
                count = len(block)
            if not count:
                raise EOFError
            done += count
            if sent:
                sent(count)

    def stream(self, head: bytes, *, small: bool = False) -> tuple[Answer, Body]:
        """Sends a request without a body; returns its answer without the body, and the body, which may have any size.

        The connection is not kept: the caller closes it.

        Args:
            head: request line and headers, with the empty line at the end.
            small: whether the body must be complete within BODY_TIMEOUT. Otherwise it may take any time, at SLOWEST or faster.

        Raises:
            OSError: no connection, or it broke.
        """
        try:
            self._open()
            self._socket.sendall(head)
            status, headers = self._answer_head()
            self._expect(BODY_TIMEOUT if small else float("inf"))
            self._window = None if small else (time.monotonic(), 0)
            return Answer(status, headers, b""), Body(self, headers if status not in _NO_BODY else {"content-length": "0"})
        except BlockingIOError:
            self.close()
            raise TimeoutError(f"accepted no data for {self._timeout:.0f} s") from None
        except BaseException:
            self.close()
            raise

    def _answer(self, is_head: bool) -> Answer:
        """Reads one answer."""
        status, headers = self._answer_head()
        self._expect(BODY_TIMEOUT)
        return Answer(status, headers, b"" if is_head or status in _NO_BODY else self._body(headers))

    def _answer_head(self) -> tuple[int, dict[str, str]]:
        """Reads status and headers of one answer; skips interim ones (1xx)."""
        self._window = None
        self._expect(self._timeout)
        for _ in range(_INTERIM_LIMIT):
            head = self._until(b"\r\n\r\n", _HEAD_LIMIT)
            line, *rest = head.decode("latin-1").split("\r\n")
            version, _, code = line.partition(" ")
            if not version.startswith("HTTP/1.") or not (code[:3].isascii() and code[:3].isdigit() and len(code[:3]) == 3):
                raise BadAnswer(f"answered {line[:60]!r}, which is not HTTP")
            if code[0] != "1":
                break
        else:
            raise BadAnswer("answered with interim answers only")
        headers: dict[str, str] = {}
        for field in rest:
            name, colon, value = field.partition(":")
            if colon:
                _add_header(headers, name.lower(), value.strip(" \t"))
        connection = headers.get("connection", "").lower()
        self._closes = connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive")
        return int(code[:3]), headers

    def _body(self, headers: dict[str, str]) -> bytes:
        """Reads an answer's whole body, however its length is given."""
        body, parts, total = Body(self, headers), [], 0
        while total <= _BODY_LIMIT >= body.left and (data := body.read(_BODY_LIMIT)):
            parts.append(data)
            total += len(data)
        if total > _BODY_LIMIT or body.left > _BODY_LIMIT:
            raise BadAnswer("answered with more than 4 MiB")
        return b"".join(parts)

    def _until(self, end: bytes, limit: int) -> bytes:
        """Reads up to end, and drops end."""
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > limit + len(end):
                raise BadAnswer("answered with something that is not HTTP")
            self._more()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(end) :]
        return found

    def line(self, limit: int) -> bytes:
        """Reads a line, for Body."""
        return self._until(b"\r\n", limit)

    def take(self, size: int, may_end: bool) -> bytes:
        """Reads the next bytes, up to size, for Body; none at the end of the connection, if it may end."""
        if not self._buffer:
            self._buffer = self._receive(_READ_BLOCK)
            if not self._buffer and not may_end:
                raise BadAnswer("the connection was closed in the middle of an answer")
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def ends_body(self) -> None:
        """Records, for Body, that the end of the connection is the end of the body."""
        self._closes = True

    def _expect(self, seconds: float) -> None:
        """Sets the deadline for everything that is read from now on."""
        self._deadline, self._within = time.monotonic() + seconds, seconds

    def _receive(self, size: int = 1 << 16) -> bytes:
        """Returns the next bytes, none at the end; a byte now and then does not extend the deadline."""
        left = self._deadline - time.monotonic()
        shorter = left < self._timeout * 0.98  # otherwise the socket's own timeout is enough; setting it costs a system call per request
        data: bytes | None
        try:
            if shorter:
                self._limit(left)
                data = self._socket.recv(size) if left > 0 else None
                self._limit(self._timeout)
            else:
                data = self._socket.recv(size)
        except (BlockingIOError, TimeoutError):
            data = None
        if data is None:
            raise TimeoutError(f"no complete answer within {self._within:.0f} s" if shorter else f"no answer within {self._timeout:.0f} s")
        if self._window:
            self._check_speed(len(data))
        return data

    def _check_speed(self, received: int) -> None:
        """Raises TimeoutError if a body of any size comes more slowly than SLOWEST."""
        begun, count = self._window or (0.0, 0)
        seconds = time.monotonic() - begun
        self._window = (begun, count + received)
        if seconds > self._timeout and received:
            if count + received < SLOWEST * seconds:
                raise TimeoutError(f"sent only {count + received} bytes within {seconds:.0f} s")
            self._window = (time.monotonic(), 0)

    def _limit(self, seconds: float) -> None:
        """Limits how long the socket waits."""
        if self.plain:
            set_timeout(self._socket, max(seconds, 0.001))
        else:
            self._socket.settimeout(max(seconds, 0.001))

    def _more(self) -> None:
        """Reads the next bytes, at least one."""
        data = self._receive()
        if not data:
            raise BadAnswer("the connection was closed before the answer" if not self._buffer else "the connection was closed in the middle of an answer")
        self._buffer += data


class Body:
    """The body of an answer, read piece by piece, however its length is given.

    Attributes:
        left: the known number of bytes to come, of the body or of its current chunk.

    Args:
        connection: the connection, after the head of the answer was read.
        headers: the answer's headers.
    """

    __slots__ = ("_chunked", "_connection", "_ended", "left")

    def __init__(self, connection: Connection, headers: Mapping[str, str]) -> None:
        self._connection = connection
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        has_length = not self._chunked and "content-length" in headers
        self.left = _number(headers["content-length"].encode(), 10) if has_length else 0
        self._ended = has_length and not self.left
        if not self._chunked and not has_length:
            connection.ends_body()

    def read(self, size: int) -> bytes:
        """Returns up to size bytes, none at the end.

        Raises:
            BadAnswer: the connection ends before the body does.
            TimeoutError: no byte comes in time.
        """
        if self._ended:
            return b""
        if self._chunked and not self.left and not self._next_chunk():
            return b""
        data = self._connection.take(min(size, self.left) if self.left else size, may_end=not self.left)
        if not self.left:
            self._ended = not data
            return data
        self.left -= len(data)
        if not self.left and self._chunked:
            self._connection.line(2)
        elif not self.left:
            self._ended = True
        return data

    def _next_chunk(self) -> bool:
        """Reads the length of the next chunk; says whether there is one, and reads the trailers otherwise."""
        self.left = _number(self._connection.line(1024).partition(b";")[0].strip(), 16)
        if self.left:
            return True
        for _ in range(_TRAILER_LIMIT):
            if not self._connection.line(_HEAD_LIMIT):
                self._ended = True
                return False
        raise BadAnswer("answered with endless trailers")


def request_head(method: str, path: str, host: str, headers: Mapping[str, str], size: int | None = None) -> bytes:
    """Returns a request's first line and headers, with the empty line at the end.

    Args:
        method: HTTP method.
        path: path and query, beginning with '/'.
        host: the value of Host, HOST[:PORT].
        headers: further headers.
        size: length of the body in bytes; None without a body.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: turnup", *(f"{name}: {value}" for name, value in headers.items())]
    if size is not None:
        lines.append(f"Content-Length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _add_header(headers: dict[str, str], name: str, value: str) -> None:
    """Adds a header, its name in lower case; see Answer about repeated headers."""
    if name == "www-authenticate" and name in headers:
        value = f"{headers.pop(name)}, {value}"
    headers.setdefault(name, value)


def _number(text: bytes, base: int) -> int:
    """Returns a length that consists of digits only."""
    try:
        if text.isalnum():
            return int(text, base)
    except ValueError:
        pass
    raise BadAnswer(f"answered with the length {text[:40]!r}")
