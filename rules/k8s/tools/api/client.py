"""Raw requests to an API server over kept-alive connections.

One `Client` serves all threads of a run. A request that the server could not take
(overload, a broken connection) is sent again; what it refuses becomes an ApiError.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Callable, Collection, ContextManager, Iterator, Mapping
from urllib.parse import urlencode, urlsplit

import urllib3

from rules.k8s.tools.api.transport import NO_ANSWER, Pool, pool_of, tls_of
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError, is_schema_error
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.kubeconfig.proxy import proxy_name

if TYPE_CHECKING:
    from rules.k8s.tools.kubeconfig.exec_plugin import Credentials

FIELD_MANAGER = "turnup"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

# Answers that say "later": too many requests, and what a starting or overloaded server gives.
_LATER = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 5
# So much of a request the API server reads.
_MOST_BYTES = 3 * 1024 * 1024
# Of a webhook that could not be asked: its Service is missing, or it has kept the server waiting already.
_LASTING = (" not found", "context deadline exceeded", "Client.Timeout")

WriteFence = Callable[[], ContextManager[Any]]
"""What is entered around a request that writes: it raises once nothing may be written any more (see lease.py)."""


class Client:
    """Requests to one API server.

    Args:
        connection: what a kubeconfig gave.
        connections: how many connections are kept open at most.
        connect_timeout: seconds until a server that does not answer counts as unreachable.
        read_timeout: seconds to wait for the next bytes of an answer.

    Attributes:
        connection: what a kubeconfig gave.
        tls: the TLS settings of new connections, None for plain HTTP.
        date: the server's clock as its last answer gave it (an HTTP Date); None before the first.
    """

    def __init__(self, connection: Connection, *, connections: int = 16, connect_timeout: float = 4.0,
                 read_timeout: float = 25.0):
        self.connection = connection
        self.date: str | None = None
        url = urlsplit(connection.server)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise TurnupError(f"context {connection.context!r}: server {connection.server!r} is not a URL; correct the kubeconfig.")
        self._base = url.path.rstrip("/")
        self._timeout = urllib3.Timeout(connect=connect_timeout, read=read_timeout)
        self._options: dict[str, Any] = {"maxsize": connections, "block": True, "timeout": self._timeout, "retries": False}
        self._lock = threading.Lock()
        self._credentials = connection.plugin.credentials() if connection.plugin else None
        self._connect()

    def _connect(self) -> None:
        """Makes the pool of connections, which hold the client certificate of now."""
        self.tls = tls_of(self.connection, self._credentials) if self.connection.server.startswith("https:") else None
        self._pool: Pool = pool_of(self.connection, self.tls, **self._options)

    def headers(self) -> list[tuple[str, str]]:
        """Returns the headers that say who asks, after a login where that is needed; a name may stand more than once.

        Raises:
            TurnupError: the login fails.
        """
        return [*self._log_in()[0].items(), *self.connection.impersonate]

    def _log_in(self) -> tuple[Mapping[str, str], Credentials | None]:
        """Returns the headers that authenticate, and what a plugin gave for them."""
        plugin = self.connection.plugin
        if plugin is None:
            return self.connection.headers(), None
        with self._lock:
            before, fresh = self._credentials, plugin.credentials()
            self._credentials = fresh
            if before and (before.certificate, before.key) != (fresh.certificate, fresh.key):
                self._connect()
            return ({"Authorization": f"Bearer {fresh.token}"} if fresh.token else {}), fresh

    def _ask(self, method: str, path: str, query: Mapping[str, Any] | None, headers: Mapping[str, str], **options: Any) -> urllib3.BaseHTTPResponse:
        """Sends once; where a plugin gives other credentials than those that the server does not accept, once more with these."""
        plugin = self.connection.plugin
        for last in (False, True):
            own, used = self._log_in()
            lines = urllib3.HTTPHeaderDict({"User-Agent": "turnup", **headers, **own})
            for name, value in self.connection.impersonate:
                lines.add(name, value)
            # A proxy is told the whole URL.
            url = self.url(path, query) if self.connection.proxy else self._url(path, query)
            answer = self._pool.request(method, url, headers=lines, redirect=False, **options)
            if answer.status != 401 or last or not (plugin and used and plugin.renew(used)):
                break
            answer.drain_conn()
        return answer

    def request(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None,
                content_type: str = "application/json", accept: str = "application/json",
                read_timeout: float | None = None, fence: WriteFence = nullcontext) -> tuple[int, Any]:
        """Sends one request and returns (HTTP status, decoded JSON body).

        Args:
            method: GET, PATCH, …
            path: from the server's root, for example `/api/v1/namespaces`.
            query: query parameters; None and "" are left out.
            body: a JSON value, or None.
            content_type: of the body.
            accept: what the answer may be.
            read_timeout: seconds to wait for the answer; the client's own when None.
            fence: entered each time that the request is sent, and left while it waits to be sent again.

        Raises:
            ApiError: the server refused it.
            TurnupError: the server cannot be reached, what answers is not one, or the fence refuses the write.
        """
        timeout = urllib3.Timeout(connect=self._timeout.connect_timeout, read=read_timeout) if read_timeout else self._timeout
        for attempt in range(_ATTEMPTS):
            with fence():
                answer = self._send(method, path, query, body, content_type, accept, attempt, timeout)
            if answer is None:
                time.sleep(_pause(attempt, None))
                continue
            data = _decode(answer.data, self.connection, answer.status)
            self.date = answer.headers.get("Date") or self.date
            if answer.status < 400:
                return answer.status, data
            if answer.status in _LATER and attempt + 1 < _ATTEMPTS and not _is_lasting(str(data)):
                time.sleep(_pause(attempt, answer.headers.get("Retry-After")))
                continue
            raise api_error(answer.status, data, self.connection)
        raise AssertionError("the last attempt returns or raises")

    def get_or_none(self, path: str, *, accept: str = "application/json", absent: Collection[int] = (404,)) -> dict[str, Any] | None:
        """Returns the object at a path, None if there is none.

        Args:
            path: from the server's root.
            accept: the media types that the answer may have.
            absent: HTTP statuses that mean that there is none; with 403 also an object that may not be read.

        Raises:
            ApiError: the server refused the request.
            TurnupError: as for `request`.
        """
        try:
            found: dict[str, Any] = self.request("GET", path, accept=accept)[1]
            return found
        except ApiError as error:
            if error.status in absent:
                return None
            raise

    def text(self, path: str, query: Mapping[str, Any]) -> str:
        """Returns the body of a GET as text, for logs.

        Raises:
            ApiError: the server refused it.
        """
        try:
            answer = self._ask("GET", path, query, {"Accept": "*/*"})
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        if answer.status >= 400:
            raise api_error(answer.status, _decode(answer.data, self.connection, answer.status), self.connection)
        return answer.data.decode("utf-8", "replace")

    def _send(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, content_type: str,
              accept: str, attempt: int, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse | None:
        """Sends once; None means that a kept connection broke and the request may be sent again."""
        headers = {"Accept": accept}
        payload = None
        if body is not None:
            payload = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = content_type
        try:
            return self._ask(method, path, query, headers, body=payload, timeout=timeout)
        except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProxyError) as error:
            raise self._unreachable(error) from None
        except (urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError, urllib3.exceptions.ReadTimeoutError) as error:
            if payload and len(payload) > _MOST_BYTES and not isinstance(error, urllib3.exceptions.ReadTimeoutError):
                # The server says so, and closes while the rest is still being sent: mostly nobody gets to read it.
                raise ApiError(413, "RequestEntityTooLarge", f"{len(payload)} bytes, where a request may have {_MOST_BYTES}") from None
            self._check_tls(error)
            # Every request here is safe to repeat: reads, server-side apply, deletes by UID.
            if attempt + 1 >= _ATTEMPTS or isinstance(error, urllib3.exceptions.ReadTimeoutError):
                raise self._unreachable(error) from None
            return None

    def _check_tls(self, error: Exception) -> None:
        """Raises TurnupError where TLS failed for a reason that asking again does not cure; a broken handshake is a broken connection."""
        reason = _tls_reason(error) if isinstance(error, urllib3.exceptions.SSLError) else ""
        if reason:
            raise TurnupError(f"{self.connection.server}: TLS failed ({reason}); the kubeconfig of context "
                              f"{self.connection.context!r} belongs to another cluster or is out of date; "
                              "start the cluster with './turnup cluster start' if it is stopped, or renew the kubeconfig with "
                              "'./turnup cluster kubeconfig --merge'.") from None

    def stream(self, path: str, query: Mapping[str, Any], *, seconds: float) -> Iterator[dict[str, Any]]:
        """Yields the events of a watch until the server ends it.

        Args:
            path: of the collection.
            query: parameters; `watch=1` is added.
            seconds: how long the server is asked to keep the watch open.
        """
        query = {**query, "watch": "1", "timeoutSeconds": str(max(1, int(seconds))), "allowWatchBookmarks": "true"}
        for line in self._lines(path, query, "application/json", seconds + 10):
            if line.strip():
                yield json.loads(line)

    def lines(self, path: str, query: Mapping[str, Any], *, follow: bool = False) -> Iterator[str]:
        """Yields the lines of a text, as of a log.

        Args:
            path: of the text.
            query: parameters.
            follow: the server may go on writing for ever: silence is no trouble, and a connection that breaks only ends the lines.

        Raises:
            ApiError: the server refuses.
            UnreachableError: the text did not come to its end; only without `follow`.
        """
        for line in self._lines(path, query, "*/*", None if follow else self._timeout.read_timeout, whole=not follow):
            yield line.decode("utf-8", "replace")

    def _lines(self, path: str, query: Mapping[str, Any], accept: str, silence: float | None, *, whole: bool = False) -> Iterator[bytes]:
        """Yields lines as they come; `silence` is how many seconds may pass without a byte, None for ever."""
        try:
            answer = self._ask("GET", path, query, {"Accept": accept}, preload_content=False, timeout=urllib3.Timeout(connect=4.0, read=silence))
            if answer.status >= 400:
                raise api_error(answer.status, _decode(answer.read(), self.connection, answer.status), self.connection)
            buffer = b""
            for chunk in answer.stream(65536, decode_content=True):
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                yield from lines
            if buffer:
                yield buffer
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            if whole:
                raise self._unreachable(error) from None
            return  # A broken watch is opened again by its owner.

    def url(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Returns the whole URL of a path, for protocols other than HTTP's requests and answers."""
        url = urlsplit(self.connection.server)
        return f"{url.scheme}://{url.netloc}{self._url(path, query)}"

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        pairs = {key: value for key, value in (query or {}).items() if value not in (None, "")}
        return self._base + path + ("?" + urlencode(pairs) if pairs else "")

    def _unreachable(self, error: Exception) -> UnreachableError:
        way = f" through the proxy {proxy_name(self.connection.proxy)}" if self.connection.proxy else ""
        return UnreachableError(f"the API server {self.connection.server} of context {self.connection.context!r} does not answer{way} "
                                f"({_reason(error)}); start it ('./turnup cluster start'), or correct the kubeconfig{' or the proxy' if way else ''}.")


def _decode(data: bytes, connection: Connection, status: int) -> Any:
    try:
        return json.loads(data) if data else {}
    except ValueError:
        if status >= 400:
            return {"message": _in_words(data[:200].decode("utf-8", "replace").strip(), connection, status)}
        raise TurnupError(f"{connection.server}: answered with something that is not JSON, so it is no API server; "
                          f"correct the server of context {connection.context!r}.") from None


def _in_words(text: str, connection: Connection, status: int) -> str:
    """Returns what was answered in place of a Status; with the server's name where the kubeconfig leads beside an API server."""
    url = urlsplit(connection.server)
    # An API server says so itself of a path that it does not serve; below a path of its own that may be the server's address.
    if (status == 404 and url.path.strip("/")) or (url.scheme == "http" and "HTTPS server" in text):
        return (f"{connection.server}: answers {text!r} (HTTP {status}), which is not what an API server says; correct the server of context "
                f"{connection.context!r} in the kubeconfig.")
    return text


def api_error(status: int, data: Any, connection: Connection) -> ApiError | TurnupError:
    """Turns a refusal into an error; expired or missing credentials get their own sentence."""
    message = data.get("message", "") if isinstance(data, dict) else ""
    if status == 401:
        return TurnupError(f"{connection.server}: the credentials of context {connection.context!r} are not accepted (401); "
                           "log in again, or recreate the cluster's kubeconfig with './turnup cluster kubeconfig --merge'.")
    reason = data.get("reason", "") if isinstance(data, dict) else ""
    details = data.get("details") if isinstance(data, dict) else None
    return ApiError(status, reason, message or f"HTTP {status}", details)


def _is_lasting(message: str) -> bool:
    """Says whether a server's answer is the same at every attempt, or took so long that another one is for the caller to decide."""
    return is_schema_error(message) or ("webhook" in message and any(words in message for words in _LASTING))


def _pause(attempt: int, retry_after: str | None) -> float:
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), 5.0)
    return min(0.1 * 2 ** attempt, 2.0)


def _reason(error: Exception) -> str:
    text = str(error)
    if "Tunnel connection failed: " in text:
        return text.partition("Tunnel connection failed: ")[2].rstrip("')")
    for words in (NO_ANSWER, "Connection refused", "No route to host", "Network is unreachable", "Name or service not known",
                  "Temporary failure in name resolution", "reset by peer", "closed connection"):
        if words in text:
            return words if words == NO_ANSWER else words.lower()
    # Last, because urllib3 counts refused connections among the timeouts.
    return "timed out" if isinstance(error, urllib3.exceptions.TimeoutError) else type(error).__name__


def _tls_reason(error: Exception) -> str:
    """Returns why the server cannot be the one that the kubeconfig means; "" where the connection only broke."""
    # urllib3 says a certificate of another host in its own words, OpenSSL writes some of its own with underscores.
    text = str(error).lower().replace("_", " ")
    for words in ("certificate verify failed", "hostname mismatch", "doesn't match", "wrong version number", "certificate expired"):
        if words in text:
            return words
    return ""
