"""Minimal client for RESP2, the protocol of Redis.

Six agents start with each cluster, so an agent must start fast. That is why this
module uses only sockets. Protocol: https://redis.io/docs/reference/protocol-spec/
"""

import contextlib
import socket
from collections.abc import Sequence
from typing import Any, Self


class CommandError(RuntimeError):
    """Redis rejected a command; the text is Redis's message, such as "ERR no such key"."""


class Connection:
    """Connection to one Redis node, for one thread.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 1.0, *, logins: Sequence[tuple[str, str]] = ()) -> None:
        """Connects.

        Args:
            host: address or name of the node.
            port: port of the node.
            timeout_s: timeout of the connection attempt and of each read and write, in seconds.
            logins: pairs of user and password, of which the first that is valid counts. If none is, commands are sent
                nevertheless: a node of a version without users executes them, and others reject them.

        Raises:
            OSError: the node does not respond in time.
        """
        self._socket = socket.create_connection((host, port), timeout_s)
        self._reader = self._socket.makefile("rb")
        try:
            for user, password in logins:
                with contextlib.suppress(CommandError):
                    self.command("AUTH", user, password)
                    break
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._reader.close()
        self._socket.close()

    def command(self, *words: str | int) -> Any:
        """Sends one command.

        Args:
            words: the command and its arguments.

        Returns:
            The reply: a str for simple and bulk strings, an int, None, or a list of these.

        Raises:
            CommandError: Redis rejected the command.
            OSError: the connection broke, or the reply is not RESP.
        """
        self._socket.sendall(encode(words))
        return self._reply()

    def _reply(self) -> Any:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            raise CommandError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return None if rest == "-1" else [self._reply() for _ in range(int(rest))]
        raise ConnectionError(f"{line[:40]!r} is not a RESP reply")

    def _bulk(self, size: int) -> str | None:
        if size < 0:
            return None
        data = self._reader.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionError("Redis closed the connection")
        return data[:-2].decode(errors="replace")


def encode(words: tuple[str | int, ...]) -> bytes:
    """Encodes a command as an array of bulk strings."""
    parts = [str(word).encode() for word in words]
    body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), body)
