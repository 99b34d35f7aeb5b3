"""Port forwarding to a pod through the API server: Kubernetes' v4 channel protocol over a WebSocket.

Each frame begins with a channel number: 0 for data, 1 for errors. The first frame of
each channel repeats the port. See the PortForward class of the kubernetes package.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.websockets import open_websocket, words_of
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 1 << 16


def forward_connection(client: Client, pod: Object, port: int, local: socket.socket) -> None:
    """Copies bytes in both directions between a local connection and a pod's port until either side closes.

    Args:
        client: client of the API server.
        pod: the live pod.
        port: the pod's port.
        local: the local connection.

    Raises:
        TurnupError: the pod cannot be reached. Nothing was read from `local`.
    """
    import websocket  # Only a connection loads it, see websockets.py.

    meta = pod["metadata"]
    remote = open_websocket(client, f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/portforward", {"ports": port}, [_PROTOCOL])
    try:
        initial = [remote.recv_data() for _ in (_DATA, _ERROR)]
    except (websocket.WebSocketException, OSError) as error:
        remote.shutdown()
        raise TurnupError(words_of(error)) from None
    try:
        if all(len(data) == 3 for _, data in initial):
            _copy(remote, local, websocket)
    except (websocket.WebSocketException, OSError, ssl.SSLError):
        return  # Either side closed the connection.
    finally:
        remote.shutdown()


def _copy(remote: Any, local: socket.socket, websocket: Any) -> None:
    """Copies until either side closes. The protocol has no half-close, so the pod's data is read even after `local` has ended."""
    remote.settimeout(None)
    sources = [remote.sock, local]
    while True:
        pending = isinstance(remote.sock, ssl.SSLSocket) and remote.sock.pending()
        readable = [remote.sock] if pending else select.select(sources, [], [])[0]
        if remote.sock in readable:
            opcode, data = remote.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE or (data[:1] == bytes([_ERROR]) and len(data) > 1):
                return
            if opcode == websocket.ABNF.OPCODE_BINARY and data[:1] == bytes([_DATA]):
                local.sendall(data[1:])
        if local in readable:
            data = local.recv(_CHUNK)
            if data:
                remote.send_binary(bytes([_DATA]) + data)
            else:
                sources.remove(local)
