"""A small client of the cluster's API server, for the steps of create and start.

It has one persistent TLS connection and speaks JSON. The steps need five calls, which don't justify the 260 ms that the
import of a full Kubernetes client takes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import urllib3

from cluster.common.errors import ClusterError
from cluster.model.state import Cluster
from rules.common.bounded_http import BadAnswerError, BoundedResponse, Budget
from rules.common.control_characters import strip_control_characters

__all__ = ["ApiClient", "ApiError", "wait_for"]

_FIELD_MANAGER = "turnup-cluster"
# The steps list nodes and pods of one cluster of this machine, and the API server ends a request after a minute.
_ANSWER_SECONDS = 65.0
_ANSWER_BYTES = 64 << 20
_MESSAGE_CHARACTERS = 1000  # of a refusal
_PAUSE = 0.03  # seconds between two attempts; a call takes about 2 ms

_T = TypeVar("_T")


class _Connection(urllib3.connection.HTTPSConnection):
    """A connection with bounded answers."""

    response_class = BoundedResponse


class _Pool(urllib3.HTTPSConnectionPool):
    """A pool of those."""

    ConnectionCls = _Connection


class ApiError(ClusterError):
    """The API server refused a request or does not answer.

    Args:
        message: the sentence for the user.
        status: the HTTP status; 0 if the server does not answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ApiClient:
    """Calls one cluster's API server with the credential that no RBAC object can shut out.

    Args:
        cluster: the cluster.
        timeout: seconds for one call.
    """

    def __init__(self, cluster: Cluster, timeout: float = 5.0) -> None:
        layout = cluster.layout
        self._host, self._port = str(layout.address(1)), layout.api_port
        self._pki = cluster.pki
        self._timeout = timeout
        self._pool: urllib3.HTTPSConnectionPool | None = None

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
        """Makes one call.

        Args:
            method: the HTTP method.
            path: the path of the URL, with its query.
            body: what to send as JSON; None for nothing.
            content_type: the content type of the body.

        Returns:
            The decoded answer; its text if it is not JSON.

        Raises:
            ApiError: the server refused the call or does not answer.
        """
        try:
            payload = None if body is None else json.dumps(body)
            headers = {"Content-Type": content_type, "Accept": "application/json"}
            with Budget(seconds=_ANSWER_SECONDS, size=_ANSWER_BYTES):
                response = self._connections().request(method, path, body=payload, headers=headers, redirect=False, decode_content=False)
            text = response.data.decode(errors="replace")
            is_json = response.headers.get("Content-Type", "").partition(";")[0] == "application/json"
            answer = json.loads(text) if is_json else text
        except (BadAnswerError, RecursionError, ValueError, urllib3.exceptions.HTTPError) as error:
            self.close()
            words = f"it {error}" if isinstance(error, BadAnswerError) else str(error) or type(error).__name__
            reason = " ".join(strip_control_characters(words).split())[:_MESSAGE_CHARACTERS]
            raise ApiError(f"the API server https://{self._host}:{self._port} does not answer ({reason}); see `./turnup cluster logs`", 0) from None
        if 300 <= response.status < 400:
            raise ApiError(f"https://{self._host}:{self._port} answers {method} {path} with a redirect, so it is not the cluster's API server", response.status)
        if response.status >= 400:
            message = answer.get("message", text) if isinstance(answer, dict) else text
            words = " ".join(strip_control_characters(str(message)).split())[:_MESSAGE_CHARACTERS]
            raise ApiError(f"the API server refused {method} {path}: {words}", response.status)
        return answer

    def apply(self, resource: str, item: dict[str, Any]) -> None:
        """Applies one object with server-side apply.

        Args:
            resource: the API path up to the plural name.
            item: the object.

        Raises:
            ApiError: the server refused the object or does not answer.
        """
        name = quote(item["metadata"]["name"])
        self.request("PATCH", f"{resource}/{name}?fieldManager={_FIELD_MANAGER}&force=true", item, "application/apply-patch+yaml")

    def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _connections(self) -> urllib3.HTTPSConnectionPool:
        """Returns the pool of the one connection; no proxy and no retries, because the steps decide how long they wait."""
        if self._pool is None:
            self._pool = _Pool(
                self._host,
                self._port,
                maxsize=1,
                timeout=self._timeout,
                retries=False,
                ca_certs=str(self._pki / "ca.crt"),
                cert_file=str(self._pki / "break-glass.crt"),
                key_file=str(self._pki / "break-glass.key"),
            )
        return self._pool


def wait_for(what: str, look: Callable[[], _T | None], timeout: float, advice: str, state: Callable[[], str] | None = None) -> _T:
    """Calls a function until it returns something other than None.

    Args:
        what: the beginning of the error's sentence, as in `the server is not ready`.
        look: the function; an ApiError counts as None.
        timeout: seconds until this gives up.
        advice: what the user can do, for the error.
        state: returns the last state seen, for the error; None uses the last ApiError.

    Returns:
        What the function returned.

    Raises:
        ClusterError: the time is up.
    """
    deadline = time.monotonic() + timeout
    last = "unknown"
    while True:
        try:
            found = look()
            if found is not None:
                return found
            if state:
                last = state()
        except ApiError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} after {timeout:g} s (last state: {last}); {advice}")
        time.sleep(_PAUSE)
