"""A small client of the cluster's API server, for the driver's own steps.

One TLS connection, kept alive; JSON in and out. The driver needs five calls,
which does not justify the 260 ms that importing a full client takes.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from cluster.errors import ClusterError
from cluster.state import Cluster

__all__ = ["ApiClient", "ApiError", "wait_for"]

_FIELD_MANAGER = "turnup-cluster"
_PAUSE = 0.03  # seconds between two looks; a call takes about 2 ms

T = TypeVar("T")


class ApiError(ClusterError):
    """The API server refused a request; status is its HTTP status, 0 when it could not be reached."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ApiClient:
    """Speaks to one cluster's API server as its administrator."""

    def __init__(self, cluster: Cluster, timeout: float = 5.0) -> None:
        layout = cluster.layout
        self._host, self._port = str(layout.address(1)), layout.api_port
        self._context = ssl.create_default_context(cafile=str(cluster.pki / "ca.crt"))
        self._context.load_cert_chain(cluster.pki / "admin.crt", cluster.pki / "admin.key")
        self._timeout = timeout
        self._connection: http.client.HTTPSConnection | None = None

    def request(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> object:
        """One call; returns the decoded answer (text where it is not JSON). Raises ApiError."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        try:
            payload = None if body is None else json.dumps(body)
            self._connection.request(method, path, payload, {"Content-Type": content_type, "Accept": "application/json"})
            response = self._connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            reason = str(error) or type(error).__name__
            raise ApiError(f"API server https://{self._host}:{self._port} does not answer ({reason}): see `./turnup cluster logs`", 0) from None
        answer = json.loads(text) if response.headers.get_content_type() == "application/json" else text
        if response.status >= 400:
            message = answer.get("message", text) if isinstance(answer, dict) else text
            raise ApiError(f"API server refused {method} {path}: {message}", response.status)
        return answer

    def apply(self, resource: str, item: dict) -> None:
        """Server-side apply of one object; resource: its path up to the plural name."""
        name = quote(item["metadata"]["name"])
        self.request("PATCH", f"{resource}/{name}?fieldManager={_FIELD_MANAGER}&force=true", item, "application/apply-patch+yaml")

    def close(self) -> None:
        """Ends the connection; the next call opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def wait_for(what: str, look: Callable[[], T | None], timeout: float, cure: str, state: Callable[[], str] | None = None) -> T:
    """Calls look until it returns something, and returns that.

    ApiErrors mean "not yet". After timeout seconds raises ClusterError naming
    what was waited for, the last state seen (state(), or the last error) and
    the cure.
    """
    deadline = time.monotonic() + timeout
    last = "no answer yet"
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
            raise ClusterError(f"{what} did not happen within {timeout:g} s (last seen: {last}): {cure}")
        time.sleep(_PAUSE)
