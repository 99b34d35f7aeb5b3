"""HTTP/1.1 on one connection, as much of it as a registry's client needs (RFC 9112).

Everything here is written to be loaded in a millisecond: http.client, ssl and even the standard library's `socket` cost more
than pushing a small image does. TLS loads them when it is used.
"""

from __future__ import annotations

# The C half of `socket`: the Python half spends 6 ms on enumerations that nothing here needs.
import _socket
import os
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Callable

    from rules.image.tools.registry.proxy import Proxy

CONNECT_TIMEOUT = 5.0
TIMEOUT = 60.0  # without a byte, and for the head of an answer as a whole
BODY_TIMEOUT = 300.0  # for the whole of an answer, which has 4 MiB at the most
_BLOCK = 1 << 22
_TLS_BLOCK = 1 << 18
_HEAD_LIMIT = 1 << 16
_INTERIM_LIMIT = 8
_TRAILER_LIMIT = 64
_BODY_LIMIT = 1 << 22
_NO_BODY = (204, 304)


class BadAnswer(OSError):
    """What came is no HTTP answer, is too long, or ended in the middle."""


class Answer:
    """An HTTP answer.

    Attributes:
        status: the status code.
        headers: values by name in lower case; of a repeated header the first, but all challenges, with commas between.
        body: all of it.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """A connection that is opened by the first request, and kept open between requests where the server agrees.

    One with TLS goes through the proxy that HTTPS_PROXY names, if it names one for the host.

    Args:
        host: name or address, without brackets.
        port: TCP port.
        plain: False for TLS.
        timeout: seconds without a byte, and for the head of an answer as a whole; TIMEOUT when None.
    """

    def __init__(self, host: str, port: int, plain: bool, timeout: float | None = None) -> None:
        self.host = host
        self.port = port
        self.plain = plain
        self._socket = None
        self._buffer = b""
        self._closes = False
        self._deadline = 0.0
        self._timeout = TIMEOUT if timeout is None else timeout
        self._within = self._timeout

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""

    @property
    def opened(self) -> bool:
        """Whether a request would use a connection that is there, which the other side may have closed meanwhile."""
        return self._socket is not None

    def request(self, head: bytes, body: bytes | BinaryIO | None = None, size: int = 0, sent: Callable[[int], None] | None = None) -> Answer:
        """Send one request and read its answer.

        Args:
            head: request line and headers, with the empty line at the end.
            body: bytes, or a file to send from its start, without a buffer of its own.
            size: length of a body that is a file, in bytes.
            sent: called with the number of body bytes after each block of a file.

        Raises:
            OSError: no connection, or it broke; EOFError: the file is shorter than size.
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
                    refused = True  # by an early answer, which says why if it can still be read
            answer = self._answer(head.startswith(b"HEAD "))
            if refused or self._closes:
                self.close()
            return answer
        except BlockingIOError:
            self.close()
            raise TimeoutError(f"took nothing for {self._timeout:.0f} s") from None
        except BaseException:
            self.close()
            raise

    def pipeline(self, heads: list[bytes]) -> list[Answer]:
        """Send HEAD requests one after the other without waiting, and read their answers.

        Returns:
            The answers, in order; fewer than heads where the connection ended before all had come.

        Raises:
            OSError: no connection; TimeoutError: no answer in time, not even the first.
        """
        self._open()
        answers: list[Answer] = []
        try:
            self._socket.sendall(b"".join(heads))
            while len(answers) < len(heads):
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
        """Connect, to the first of the host's addresses that takes it."""
        if self._socket is not None:
            return
        proxy = None if self.plain else _proxy(self.host, self.port)
        if proxy is None:
            self._connect(self.host, self.port, None)
            return
        try:
            self._connect(proxy.host, proxy.port, proxy)
        except OSError as error:
            if isinstance(error, BadAnswer) or type(error).__module__ == "ssl":
                raise  # what names the proxy already, and what TLS says of the registry behind it
            raise OSError(f"the proxy {proxy.host}:{proxy.port} that HTTPS_PROXY names: {error.strerror or error}") from None

    def _connect(self, host: str, port: int, proxy: Proxy | None) -> None:
        """Connect to host and port, and from there on to the registry where they are a proxy's."""
        last: OSError | None = None
        # As bytes: a str would be put through the codec for international names, which takes 3 ms to load.
        for family, kind, protocol, _, address in _socket.getaddrinfo(host.encode(), port, 0, _socket.SOCK_STREAM):
            connection = _socket.socket(family, kind, protocol)
            try:
                # Timeouts of the kernel leave the socket a blocking one, which os.sendfile wants.
                _set_timeout(connection, min(CONNECT_TIMEOUT, self._timeout))
                connection.connect(address)
                connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                _set_timeout(connection, self._timeout)
                if proxy:
                    _tunnel(connection, self.host, self.port, proxy)
                self._socket = connection if self.plain else _with_tls(connection, self.host)
                return
            except BlockingIOError:
                last = TimeoutError(f"no connection within {CONNECT_TIMEOUT:.0f} s")
            except OSError as error:
                last = error
            connection.close()
        raise last or OSError("its name has no address")

    def _send_file(self, body: BinaryIO, size: int, sent: Callable[[int], None] | None) -> None:
        """Send size bytes of a file, in pieces large enough to be cheap and small enough to show progress."""
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

    def _answer(self, is_head: bool) -> Answer:
        """Read one answer; interim ones (1xx) are skipped."""
        for _ in range(_INTERIM_LIMIT):
            self._expect(self._timeout)
            head = self._until(b"\r\n\r\n", _HEAD_LIMIT)
            line, *rest = head.decode("latin-1").split("\r\n")
            version, _, code = line.partition(" ")
            if not version.startswith("HTTP/1.") or not (code[:3].isascii() and code[:3].isdigit() and len(code[:3]) == 3):
                raise BadAnswer(f"answered {line[:60]!r}, which is not HTTP")
            if code[0] != "1":
                break
        else:
            raise BadAnswer("answered with interim answers only")
        self._expect(BODY_TIMEOUT)
        status = int(code[:3])
        headers: dict[str, str] = {}
        for field in rest:
            name, colon, value = field.partition(":")
            if colon:
                add_header(headers, name.lower(), value.strip(" \t"))
        connection = headers.get("connection", "").lower()
        self._closes = connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive")
        return Answer(status, headers, b"" if is_head or status in _NO_BODY else self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        """Read an answer's body, however its length is told."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts, total = [], 0
            while size := _number(self._until(b"\r\n", 1024).partition(b";")[0].strip(), 16):
                total += size
                if total > _BODY_LIMIT:
                    raise BadAnswer("answered with more than 4 MiB")
                parts.append(self._exactly(size))
                self._until(b"\r\n", 2)
            for _ in range(_TRAILER_LIMIT):
                if not self._until(b"\r\n", _HEAD_LIMIT):
                    return b"".join(parts)
            raise BadAnswer("answered with trailers without end")
        if "content-length" in headers:
            return self._exactly(_number(headers["content-length"].encode(), 10))
        self._closes = True
        while len(self._buffer) <= _BODY_LIMIT and (more := self._receive()):
            self._buffer += more
        return self._exactly(len(self._buffer))

    def _until(self, end: bytes, limit: int) -> bytes:
        """Read up to end, which is taken and left out."""
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > limit + len(end):
                raise BadAnswer("answered with something that is not HTTP")
            self._more()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(end) :]
        return found

    def _exactly(self, size: int) -> bytes:
        """Read size bytes."""
        if size > _BODY_LIMIT:
            raise BadAnswer("answered with more than 4 MiB")
        while len(self._buffer) < size:
            self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _expect(self, seconds: float) -> None:
        """Begin to wait for something that has to be here, all of it, in so many seconds."""
        self._deadline, self._within = time.monotonic() + seconds, seconds

    def _receive(self) -> bytes:
        """Return what there is, none at the end; a side that sends now and then a byte does not put the deadline off."""
        left = self._deadline - time.monotonic()
        shorter = left < self._timeout * 0.98  # else the socket's own time will do: setting it costs each request a call
        try:
            if not shorter:
                return self._socket.recv(1 << 16)
            self._limit(left)
            data = self._socket.recv(1 << 16) if left > 0 else None
            self._limit(self._timeout)
        except (BlockingIOError, TimeoutError):
            data = None
        if data is None:
            raise TimeoutError(f"no whole answer within {self._within:.0f} s" if shorter else f"no answer within {self._timeout:.0f} s")
        return data

    def _limit(self, seconds: float) -> None:
        """Limit how long the socket waits."""
        if self.plain:
            _set_timeout(self._socket, max(seconds, 0.001))
        else:
            self._socket.settimeout(max(seconds, 0.001))

    def _more(self) -> None:
        """Read what there is, at least one byte."""
        data = self._receive()
        if not data:
            raise BadAnswer("the connection was closed before the answer" if not self._buffer else "the connection was closed in the middle of an answer")
        self._buffer += data


def add_header(headers: dict[str, str], name: str, value: str) -> None:
    """Add a header, its name in lower case; see Answer for what becomes of repeated ones."""
    if name == "www-authenticate" and name in headers:
        value = f"{headers.pop(name)}, {value}"
    headers.setdefault(name, value)


def _number(text: bytes, base: int) -> int:
    """Return a length that is written in digits and nothing else."""
    try:
        if text.isalnum():
            return int(text, base)
    except ValueError:
        pass
    raise BadAnswer(f"answered with the length {text[:40]!r}")


def _set_timeout(connection: _socket.socket, seconds: float) -> None:
    """Limit how long the kernel waits for the other side."""
    timeval = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, timeval)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, timeval)


def _proxy(host: str, port: int) -> Proxy | None:
    """Return the proxy for TLS to a host; see proxies.find."""
    if not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        return None
    from rules.image.tools.registry import proxy as proxies

    return proxies.find(host, port)


def _tunnel(connection: _socket.socket, host: str, port: int, proxy: Proxy) -> None:
    """Have a proxy connect to a host (RFC 9110, section 9.3.6)."""
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    connection.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n{login}\r\n".encode("ascii"))
    head, deadline = b"", time.monotonic() + TIMEOUT
    while b"\r\n\r\n" not in head:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {TIMEOUT:.0f} s")
        data = connection.recv(1 << 12)
        if not data or len(head) > _HEAD_LIMIT:
            raise BadAnswer(f"the proxy {proxy.host}:{proxy.port} did not answer in HTTP")
        head += data
    if not head.startswith(b"HTTP/1.") or head[9:12] != b"200":
        raise BadAnswer(f"the proxy {proxy.host}:{proxy.port} answered {head[9:12].decode('latin-1')}")


def _with_tls(connection: _socket.socket, host: str):
    """Return the TLS side of an open connection, its certificate checked against the machine's authorities and host."""
    import socket  # pylint: disable=import-outside-toplevel
    import ssl  # pylint: disable=import-outside-toplevel

    wrapped = socket.socket(fileno=connection.detach())
    wrapped.settimeout(TIMEOUT)  # the ssl module does not hear of the kernel's
    try:
        return _context(ssl).wrap_socket(wrapped, server_hostname=host)
    except BaseException:
        wrapped.close()
        raise


def speaks_tls(host: str, port: int) -> bool:
    """Say whether TLS is spoken there, whatever its certificate says: nothing is sent through it."""
    import socket  # pylint: disable=import-outside-toplevel
    import ssl  # pylint: disable=import-outside-toplevel

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT) as connection, context.wrap_socket(connection, server_hostname=host):
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error)  # one that wants another version or a certificate of ours
    except (OSError, ValueError):
        return False


def _context(ssl):
    """Return the TLS settings; SSL_CERT_FILE and SSL_CERT_DIR name other authorities than the machine's."""
    global _tls_context  # pylint: disable=global-statement
    trusted = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    if _tls_context is None or _tls_context[0] != trusted:
        _tls_context = (trusted, ssl.create_default_context())
    return _tls_context[1]


_tls_context = None
