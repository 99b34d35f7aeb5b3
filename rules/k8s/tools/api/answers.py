"""Answers of an API server: their content, and the errors for those that are not a success or come from something else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection

if TYPE_CHECKING:
    import urllib3


def refusal(answer: urllib3.BaseHTTPResponse, data: Any, connection: Connection, request: str) -> ApiError | TurnupError:
    """Returns the error for an answer that is not a success.

    Args:
        answer: the answer.
        data: its body.
        connection: the server.
        request: method and path of the request.
    """
    if answer.status < 400:
        return TurnupError(
            f"{connection.server} answers {request} with a redirect to {_host(answer.headers.get('Location') or '')} (HTTP {answer.status}), so it "
            f"is not an API server, or a proxy before it wants a login; correct the server of context {connection.context!r}, or log in."
        )
    return api_error(answer.status, data, connection, request)


def _host(url: str) -> str:
    """Returns scheme and host of a URL: what follows may contain credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another path"


def decode(data: bytes, connection: Connection, status: int) -> Any:
    """Returns the JSON value of an answer. A refusal that is not JSON becomes one with its text as the message.

    Raises:
        TurnupError: a success is not JSON.
    """
    try:
        return json.loads(data) if data else {}
    except ValueError:
        if status >= 300:
            return {"message": _plain_message(data[:200].decode("utf-8", "replace").strip(), connection, status)}
        raise TurnupError(
            f"{connection.server}: the answer is not JSON, so this is not an API server; correct the server of context {connection.context!r}."
        ) from None


def _plain_message(text: str, connection: Connection, status: int) -> str:
    """Returns the message of a refusal that is not a Status; names the server if it is probably not an API server."""
    url = urlsplit(connection.server)
    if text.startswith("<"):
        # A page of a load balancer or proxy.
        text = " ".join(re.sub(r"<[^>]*>?", " ", text).split()) or "a page without text"
    # An API server also answers 404 in plain text. If the server's URL has a path, that path is the probable cause.
    if (status == 404 and url.path.strip("/")) or (url.scheme == "http" and "HTTPS server" in text):
        return (
            f"{connection.server} answers {text!r} (HTTP {status}), so it is not an API server; correct the server of context "
            f"{connection.context!r} in the kubeconfig."
        )
    return text


def api_error(status: int, data: Any, connection: Connection, request: str = "") -> ApiError | TurnupError:
    """Returns the error for a refusal; a 401 (expired or missing credentials) gets its own sentence.

    Args:
        status: the HTTP status.
        data: the answer's body.
        connection: the server.
        request: method and path of the request.
    """
    message = data.get("message", "") if isinstance(data, dict) else ""
    if status == 401:
        return TurnupError(
            f"{connection.server}: the server rejected the credentials of context {connection.context!r} (401); "
            "log in again, or recreate the cluster's kubeconfig with './turnup cluster kubeconfig --merge'."
        )
    reason = data.get("reason", "") if isinstance(data, dict) else ""
    details = data.get("details") if isinstance(data, dict) else None
    return ApiError(status, reason, message or f"HTTP {status}", details, f"{connection.server}: {request}" if request else "")
