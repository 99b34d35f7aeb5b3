"""Channels: the streams of a command in a container over one WebSocket, Kubernetes' v4 and v5 channel protocols.

Each message begins with the number of a channel: 0 stdin, 1 stdout, 2 stderr, 3 the Status that the command ended with, 4 the size of
the terminal. In v5 the message 255 N closes channel N; v4 cannot tell a command that its stdin has ended.
"""

from __future__ import annotations

import json
import select
import ssl
import time
from collections.abc import Iterator
from typing import Any

from rules.k8s.tools.errors import TurnupError

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)
_CLOSE = 255

# Messages that are handled before stdin gets its turn again.
_MESSAGES_PER_TURN = 64
_WRITE_BYTES = 1 << 16
# A load balancer drops idle connections after a minute or more; a server that has not answered a ping for so long is gone.
_PING_SECONDS = 10.0
_SILENCE_SECONDS = 60.0


class ConnectionLostError(TurnupError):
    """The connection broke before the command's exit code arrived."""


class Channels:
    """The channels of one connection. No method blocks, except `wait`.

    A command that does not read its stdin must still be able to write, so reading and writing never wait for each other.

    Args:
        remote: a connected websocket.WebSocket.

    Attributes:
        closed: the server closed the connection.
    """

    def __init__(self, remote: Any) -> None:
        import websocket  # Only a connection loads it, see websockets.py.

        self._module = websocket
        self._remote = remote
        self._outgoing = bytearray()
        self._message = b""
        self._more = False
        self._heard = self._pinged = self._waited = time.monotonic()
        self.closed = False
        remote.settimeout(0)

    @property
    def can_close_stdin(self) -> bool:
        """Whether the server can tell the command that its stdin has ended."""
        return str(self._remote.subprotocol) == PROTOCOLS[0]

    @property
    def unsent(self) -> int:
        """How many bytes wait until the server accepts them."""
        return len(self._outgoing)

    def send(self, channel: int, data: bytes) -> None:
        """Queues a message."""
        self._queue(bytes([channel]) + data, self._module.ABNF.OPCODE_BINARY)

    def resize(self, columns: int, rows: int) -> None:
        """Queues the size of the terminal, in characters."""
        self.send(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())

    def close_stdin(self) -> None:
        """Queues the end of stdin, if the server can pass it on."""
        if self.can_close_stdin:
            self._queue(bytes([_CLOSE, STDIN]), self._module.ABNF.OPCODE_BINARY)

    def _queue(self, data: bytes, opcode: int) -> None:
        self._outgoing += self._module.ABNF.create_frame(data, opcode).format()

    def wait(self, others: list[int], seconds: float) -> list[int]:
        """Waits until there is something to do, sends what the server accepts, and keeps the connection alive.

        Args:
            others: file descriptors that end the wait if they can be read.
            seconds: the longest time to wait.

        Returns:
            Those of the others that can be read.

        Raises:
            ConnectionLostError: the connection broke, or the server has been silent for too long.
        """
        remote = self._remote.sock
        seconds = 0.0 if self._more else min(seconds, _PING_SECONDS)
        if time.monotonic() - self._waited > _PING_SECONDS:
            # Not the server but the reader of the output took its time: nobody has listened to the server.
            self._heard = time.monotonic()
        readable, writable, _ = select.select([remote, *others], [remote] if self._outgoing else [], [], seconds)
        self._more = self._more or remote in readable
        now = self._waited = time.monotonic()
        if now - self._heard > _SILENCE_SECONDS:
            raise ConnectionLostError(f"the API server has not answered for {_SILENCE_SECONDS:.0f} s")
        if now - self._pinged >= _PING_SECONDS:
            self._pinged = now
            self._queue(b"", self._module.ABNF.OPCODE_PING)
        if writable:
            self._flush()
        return [each for each in readable if each is not remote]

    def _flush(self) -> None:
        try:
            while self._outgoing:
                sent = self._remote.sock.send(bytes(self._outgoing[:_WRITE_BYTES]))
                del self._outgoing[:sent]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError as error:
            # What the server sent before it closed the connection may still have the exit code.
            self._outgoing.clear()
            self._more = True
            if not isinstance(error, (BrokenPipeError, ConnectionResetError, ssl.SSLError)):
                raise ConnectionLostError(str(error)) from None

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yields (channel, data) for the messages that have arrived; a part of them if they are many.

        Raises:
            ConnectionLostError: the connection broke without the closing message.
        """
        if not self._more:
            return
        codes = self._module.ABNF
        for _ in range(_MESSAGES_PER_TURN):
            try:
                frame = self._remote.recv_frame()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._more = False
                return
            except (self._module.WebSocketException, OSError) as error:
                raise ConnectionLostError(" ".join(str(error).split()) or type(error).__name__) from None
            self._heard = time.monotonic()
            if frame.opcode == codes.OPCODE_CLOSE:
                self.closed = True
                self._more = False
                return
            if frame.opcode == codes.OPCODE_PING:
                self._queue(frame.data, codes.OPCODE_PONG)
            elif frame.opcode != codes.OPCODE_PONG:
                self._message += frame.data
                if frame.fin:
                    message, self._message = self._message, b""
                    if message:
                        yield message[0], message[1:]

    def shutdown(self) -> None:
        """Closes the connection."""
        if self._remote.sock is not None:
            self._queue(b"\x03\xe8", self._module.ABNF.OPCODE_CLOSE)  # 1000, a normal end
            self._flush_quietly()
        self._remote.shutdown()

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except TurnupError:
            return
