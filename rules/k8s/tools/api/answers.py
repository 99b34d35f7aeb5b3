"""Answers of an API server: their content, and the errors for those that are not a success or come from something else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rules.k8s.tools.api.answer_shapes import as_list, shape_problem
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.masking.mask import CUT

if TYPE_CHECKING:
    import urllib3

# JSON needs up to 40 times its size in memory, because each value is a Python object. Objects of Kubernetes have a value for each 10
# bytes or more, a list of 100 MiB thus fewer than these; small answers may be denser.
_MOST_VALUES = 10_000_000
_FEW_VALUES = 1_000_000
_DENSEST = 4  # bytes for each value

# A Status quotes what was sent, and what a webhook says, at any length.
_MESSAGE_CHARACTERS = 4000


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
        TurnupError: a success is not JSON, or far too much of it.
    """
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > _MOST_VALUES or (values > _FEW_VALUES and values * _DENSEST > len(data)):
        raise TurnupError(
            f"{connection.server}: the answer has {values} JSON values in {len(data)} bytes, which no API server sends; "
            f"correct the server of context {connection.context!r}."
        )
    try:
        return json.loads(data) if data else {}
    except (ValueError, RecursionError):  # RecursionError: nested deeper than any object
        if status >= 300:
            return {"message": _plain_message(data[:200].decode("utf-8", "replace").strip(), connection, status)}
        raise TurnupError(
            f"{connection.server}: the answer is not JSON, so this is not an API server; correct the server of context {connection.context!r}."
        ) from None


def check_success(data: Any, connection: Connection, method: str, path: str) -> None:
    """Checks that the answer to a request has the form that everything else relies on; see answer_shapes.py.

    Args:
        data: the decoded answer.
        connection: the server.
        method: the method of the request.
        path: its path.

    Raises:
        TurnupError: it has another form.
    """
    problem = shape_problem(data, path)
    if problem:
        raise TurnupError(
            f"{connection.server}: the answer to {method} {path} has {problem}, so this is not an API server; "
            f"correct the server of context {connection.context!r}."
        )


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
    fields = data if isinstance(data, dict) else {}
    message, reason, details = (fields.get(name) for name in ("message", "reason", "details"))
    message = message if isinstance(message, str) else ""
    if len(message) > _MESSAGE_CHARACTERS:
        message = message[:_MESSAGE_CHARACTERS] + CUT
    if status == 401:
        return TurnupError(
            f"{connection.server}: the server rejected the credentials of context {connection.context!r} (401); "
            "log in again, or recreate the cluster's kubeconfig with './turnup cluster kubeconfig --merge'."
        )
    causes = details.get("causes") if isinstance(details, dict) else None
    usable = isinstance(details, dict) and all(isinstance(cause, dict) for cause in as_list(causes))
    where = f"{connection.server}: {request}" if request else ""
    return ApiError(status, reason if isinstance(reason, str) else "", message or f"HTTP {status}", details if usable else None, where)
