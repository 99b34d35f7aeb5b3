"""WebSocket connections to the API server: through the same proxy, TLS settings and login as every other request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from rules.k8s.tools.api.answers import api_error
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError

_CONNECT_SECONDS = 5.0
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
    remote: Any = websocket.WebSocket(sslopt={"context": client.tls, **({"server_hostname": name} if name else {})} if client.tls else {})
    try:
        remote.connect(
            "ws" + url[len("http") :],
            timeout=timeout,
            header=headers,
            subprotocols=list(protocols),
            suppress_origin=True,
            **_proxy(client.connection.proxy, url),
        )
    except websocket.WebSocketBadStatusException as error:
        remote.shutdown()
        raise api_error(error.status_code, _status_object(error.resp_body), client.connection) from None
    except (websocket.WebSocketException, OSError) as error:
        remote.shutdown()
        raise TurnupError(words_of(error)) from None
    except BaseException:
        remote.shutdown()
        raise
    return remote


def words_of(error: Exception) -> str:
    """Returns the text of a connection's error in one line."""
    return " ".join(str(error).split())[:_SHOWN_CHARACTERS] or type(error).__name__


def _status_object(body: bytes | None) -> Any:
    """Returns the Status of a refusal, or what takes its place if a proxy answered."""
    try:
        return json.loads(body or b"{}")
    except ValueError:
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
