"""The server's end of a command in a container, for tests: a WebSocket with Kubernetes' channels, and what a pod with one looks like."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

from rules.k8s.testing.fake_server import Upgrade

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
BINARY, CLOSING, PING, PONG = 2, 8, 9, 10


def pod(
    name: str = "web-1", *, ready: bool = True, created: str = "2026-01-01T00:00:00Z", containers: tuple[str, ...] = ("main",), **spec: Any
) -> dict[str, Any]:
    """Returns a pod of the Deployment web in namespace dev."""
    state = {"running": {"startedAt": created}} if ready else {"waiting": {"reason": "ImagePullBackOff"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "dev", "labels": {"app": "web"}, "creationTimestamp": created},
        "spec": {"containers": [{"name": each, "image": "app"} for each in containers], **spec},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": each, "ready": ready, "state": state} for each in containers],
        },
    }


def exit_status(code: int) -> dict[str, Any]:
    """Returns the Status of a command that has ended."""
    if not code:
        return {"metadata": {}, "status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"status": "Failure", "reason": "NonZeroExitCode", "message": f"command terminated with non-zero exit code: {code}", "details": {"causes": causes}}


class FakeSession:
    """One connection, from the server's side.

    Args:
        upgrade: the request.
        connection: the client's socket.
        protocol: the subprotocol that the server chooses.

    Attributes:
        query: the query of the request.
        pings: how many pings have arrived.
    """

    def __init__(self, upgrade: Upgrade, connection: socket.socket, protocol: str) -> None:
        self.query = upgrade.query
        self.pings = 0
        self._connection = connection
        self._lock = threading.Lock()
        key = base64.b64encode(hashlib.sha1((upgrade.headers["Sec-WebSocket-Key"] + _GUID).encode(), usedforsecurity=False).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {key}"]
        connection.sendall("\r\n".join([*lines, f"Sec-WebSocket-Protocol: {protocol}", "", ""]).encode())

    def frame(self, data: bytes, opcode: int = BINARY, *, last: bool = True) -> None:
        """Sends one frame."""
        size = bytes([len(data)]) if len(data) < 126 else struct.pack("!BH", 126, len(data)) if len(data) < 1 << 16 else struct.pack("!BQ", 127, len(data))
        with self._lock:
            self._connection.sendall(bytes([opcode | (0x80 if last else 0)]) + size + data)

    def send(self, channel: int, data: bytes) -> None:
        """Sends a message."""
        self.frame(bytes([channel]) + data)

    def finish(self, status: dict[str, Any] | int = 0) -> None:
        """Sends the Status and closes the connection."""
        self.send(STATUS, json.dumps(exit_status(status) if isinstance(status, int) else status).encode())
        self.frame(struct.pack("!H", 1000), CLOSING)

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Yields (channel, data) until the client closes the connection."""
        reader = self._connection.makefile("rb")
        while True:
            head = reader.read(2)
            if len(head) < 2:
                return
            size = head[1] & 0x7F
            if size >= 126:
                size = int.from_bytes(reader.read(2 if size == 126 else 8), "big")
            mask = reader.read(4)
            data = reader.read(size)
            repeated = (mask * (size // 4 + 1))[:size]
            data = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
            if head[0] & 0xF == CLOSING:
                return
            if head[0] & 0xF == PING:
                self.pings += 1
                self.frame(data, PONG)
            elif head[0] & 0xF == BINARY:
                yield data[0], data[1:]


class FakeExec:
    """Serves commands with functions of a test.

    Args:
        serve: called with each session, in a thread of its own.
        protocol: the subprotocol that the server chooses.

    Attributes:
        sessions: all sessions so far.
    """

    def __init__(self, serve: Callable[[FakeSession], object], protocol: str = "v5.channel.k8s.io") -> None:
        self._serve = serve
        self._protocol = protocol
        self.sessions: queue.Queue[FakeSession] = queue.Queue()

    def __call__(self, upgrade: Upgrade, connection: socket.socket) -> None:
        """Serves a connection until the function returns or the client is gone."""
        session = FakeSession(upgrade, connection, self._protocol)
        self.sessions.put(session)
        with contextlib.suppress(OSError):
            self._serve(session)
