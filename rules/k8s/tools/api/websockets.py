"""WebSocket connections to the API server: through the same proxy, TLS settings and login as every other request."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from rules.common.control_characters import strip_control_characters
from rules.k8s.tools.api.answers import api_error
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError

_CONNECT_SECONDS = 5.0
# The handshake has a deadline as a whole, this many times the timeout, which is only for the next bytes.
_HANDSHAKE_TIMEOUTS = 2
# A frame of a pod's output has at most 32 KiB, the buffer of the kubelet.
_FRAME_BYTES = 1 << 20
# How much of an error that is not an API server's is shown.
_SHOWN_CHARACTERS = 200


def open_websocket(client: Client, path: str, query: Mapping[str, Any], protocols: Sequence[str], *, timeout: float = _CONNECT_SECONDS) -> Any:
    """Opens a WebSocket to a path of the API server.

    Args:
        client: client of the API server.
        path: path from the server's root.
        query: query parameters; the value of one may be a list.
        protocols: the subprotocols to offer, the best first.
        timeout: seconds until a server that does not answer counts as unreachable.

    Returns:
        The connected websocket.WebSocket; its attribute `subprotocol` is the one that the server chose.

    Raises:
        ApiError: the server refused the request.
        TurnupError: the server does not answer.
    """
    # Importing websocket takes 20 ms, and few verbs need it.
    import websocket

    url = client.url(path, query)
    name = client.connection.server_name
    headers = [f"{field}: {value}" for field, value in client.headers()]
    server = client.connection.server
    remote: Any = websocket.WebSocket(sslopt={"context": client.tls, **({"server_hostname": name} if name else {})} if client.tls else {})
    over = threading.Event()
    watch = threading.Timer(timeout * _HANDSHAKE_TIMEOUTS, _give_up, (remote, over))
    watch.daemon = True
    watch.start()
    try:
        remote.connect(
            "ws" + url[len("http") :],
            timeout=timeout,
            header=headers,
            subprotocols=list(protocols),
            suppress_origin=True,
            redirect_limit=0,  # another host must not get the credentials
            **_proxy(client.connection.proxy, url),
        )
        if over.is_set():
            raise TimeoutError
        _limit_frames(remote)
    except websocket.WebSocketBadStatusException as error:
        remote.shutdown()
        raise api_error(error.status_code, _status_object(error.resp_body), client.connection) from None
    except (websocket.WebSocketException, OSError) as error:
        remote.shutdown()
        words = f"it did not complete its answer within {timeout * _HANDSHAKE_TIMEOUTS:g} s" if over.is_set() else words_of(error)
        raise TurnupError(
            f"the API server {server} of context {client.connection.context!r} did not open a connection to {path} ({words}); try again, or check the server."
        ) from None
    except (ValueError, IndexError, AttributeError, TypeError) as error:  # what the library makes of headers of a wrong form
        remote.shutdown()
        raise TurnupError(
            f"{server}: the answer to GET {path} is not one of HTTP ({words_of(error)}); correct the server of context {client.connection.context!r}."
        ) from None
    except BaseException:
        remote.shutdown()
        raise
    finally:
        watch.cancel()
    return remote


def _give_up(remote: Any, over: threading.Event) -> None:
    """Ends a handshake that takes too long, in another thread."""
    over.set()
    connection = remote.sock
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _limit_frames(remote: Any) -> None:
    """Makes a connection refuse frames of a length that no API server sends, before memory is used for them."""
    import websocket

    read = remote.frame_buffer.recv_strict

    def bounded(size: int) -> Any:
        if size > _FRAME_BYTES:
            raise websocket.WebSocketPayloadException(f"a frame of {size} bytes, and the limit is {_FRAME_BYTES}")
        return read(size)

    remote.frame_buffer.recv_strict = bounded


def words_of(error: Exception) -> str:
    """Returns the text of a connection's error in one line."""
    return " ".join(strip_control_characters(str(error)).split())[:_SHOWN_CHARACTERS] or type(error).__name__


def _status_object(body: bytes | None) -> Any:
    """Returns the Status of a refusal, or what takes its place if a proxy answered."""
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {"message": " ".join((body or b"").decode("utf-8", "replace").split())[:_SHOWN_CHARACTERS]}


def _proxy(proxy: str, url: str) -> dict[str, Any]:
    """Returns the proxy options of websocket for a URL; the kubeconfig decides, not the environment."""
    way = urlsplit(proxy)
    if not proxy:
        # websocket reads the environment unless it gets a proxy. The exception makes sure that this one is never used.
        server = urlsplit(url).hostname
        return {"http_proxy_host": server, "http_no_proxy": [server]}
    login = {"http_proxy_auth": (unquote(way.username), unquote(way.password or ""))} if way.username else {}
    return {"http_proxy_host": way.hostname, "http_proxy_port": way.port or 80, "proxy_type": "http", "http_no_proxy": [""], **login}
