"""HTTP client of an API server, with kept-alive connections and retries.

One `Client` serves all threads of a run. It retries a request that the server could not
accept (overload, a broken connection) and raises ApiError for a refusal.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import urllib3

from rules.common.bounded_http import BadAnswerError, Budget
from rules.k8s.tools.api.answer_shapes import event_of
from rules.k8s.tools.api.answers import check_success, decode, refusal
from rules.k8s.tools.api.transport import Pool, create_pool, create_tls_context, failure_reason, tls_reason
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError, is_schema_error
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.kubeconfig.proxy import proxy_name
from rules.k8s.tools.masking.mask import CUT

if TYPE_CHECKING:
    from rules.k8s.tools.kubeconfig.exec_plugin import Credentials

FIELD_MANAGER = "turnup"
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

# Statuses worth a retry: too many requests, and those of a starting or overloaded server.
_RETRYABLE = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 5
# The API server's limit for the size of a request.
_MAX_REQUEST_BYTES = 3 * 1024 * 1024
# An API server ends every request but watches and logs after 60 s (its --request-timeout).
ANSWER_SECONDS = 65.0
# An object has at most 1.5 MiB, the limit of etcd, and a list of 10,000 pods has about 100 MiB.
ANSWER_BYTES = 256 << 20
# An event of a watch has one object, or two in a conversion's message.
EVENT_BYTES = 16 << 20
# A pod may print lines of any length. A longer line is shown in pieces, and no more of the log of a stuck container is read.
LOG_LINE_BYTES = 1 << 20
# A log that is read to its end comes as fast as the connection allows.
_SLOWEST_LOG = 100.0  # bytes per second, measured over ...
LOG_WINDOW_SECONDS = 30.0
# Webhook failures that a retry does not fix: the Service is missing, or the call has already taken its whole timeout.
_PERMANENT_WEBHOOK_FAILURES = (" not found", "context deadline exceeded", "Client.Timeout")

_WARNING = re.compile(r'\b\d{3} \S+ "((?:[^"\\]|\\.)*)"')

WriteFence = Callable[[], AbstractContextManager[Any]]
"""Returns a context to enter around each write; entering raises once the run has lost its lease (see stack/lease.py)."""


class Client:
    """Client of one API server; its methods may be called from any thread.

    Args:
        connection: the connection settings of a kubeconfig.
        connections: the maximum number of open connections.
        connect_timeout: seconds until a server that does not accept a connection counts as unreachable.
        read_timeout: seconds to wait for the next bytes of a response.

    Attributes:
        connection: the connection settings of a kubeconfig.
        tls: the TLS settings of new connections; None for plain HTTP.
        date: the server's clock in its last response (an HTTP Date); None before the first.
        on_warning: called with the path of a writing request (also a dry run) and the text of a warning in the server's response.

    Raises:
        TurnupError: the kubeconfig's server is not a URL.
    """

    def __init__(self, connection: Connection, *, connections: int = 16, connect_timeout: float = 4.0, read_timeout: float = 25.0) -> None:
        self.connection = connection
        self.date: str | None = None
        self.on_warning: Callable[[str, str], None] = lambda path, text: None
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
        """Creates the connection pool with the current client certificate."""
        self.tls = create_tls_context(self.connection, self._credentials) if self.connection.server.startswith("https:") else None
        self._pool: Pool = create_pool(self.connection, self.tls, **self._options)

    def headers(self) -> list[tuple[str, str]]:
        """Returns the headers that authenticate a request, after a login if needed. A name may occur more than once.

        Raises:
            TurnupError: the login fails.
        """
        return [*self._log_in()[0].items(), *self.connection.impersonate]

    def _log_in(self) -> tuple[Mapping[str, str], Credentials | None]:
        """Returns the authentication headers and the plugin's credentials; None without a plugin."""
        plugin = self.connection.plugin
        if plugin is None:
            return self.connection.headers(), None
        with self._lock:
            before, fresh = self._credentials, plugin.credentials()
            self._credentials = fresh
            if before and (before.certificate, before.key) != (fresh.certificate, fresh.key):
                self._connect()
            return ({"Authorization": f"Bearer {fresh.token}"} if fresh.token else {}), fresh

    def _authenticated(self, method: str, path: str, query: Mapping[str, Any] | None, headers: Mapping[str, str], **options: Any) -> urllib3.BaseHTTPResponse:
        """Sends a request with credentials, and again after a 401 if the plugin has new ones."""
        plugin = self.connection.plugin
        for last in (False, True):
            own, used = self._log_in()
            lines = urllib3.HTTPHeaderDict({"User-Agent": "turnup", **headers, **own})
            for name, value in self.connection.impersonate:
                lines.add(name, value)
            # A proxy needs the absolute URL.
            url = self.url(path, query) if self.connection.proxy else self._url(path, query)
            # Nothing asks for packed answers, and a few KiB of one may be a GiB.
            answer = self._pool.request(method, url, headers=lines, redirect=False, decode_content=False, **options)
            if answer.status != 401 or last or not (plugin and used and plugin.renew(used)):
                break
            answer.drain_conn()
        return answer

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout: float | None = None,
        fence: WriteFence = nullcontext,
    ) -> tuple[int, Any]:
        """Sends a request, with retries.

        Args:
            method: GET, PATCH, …
            path: path from the server's root, for example `/api/v1/namespaces`.
            query: query parameters; None and "" are omitted.
            body: a JSON value; None for no body.
            content_type: media type of the body.
            accept: media types that the response may have.
            read_timeout: seconds to wait for the response; the client's own if None.
            fence: entered around each attempt, not during the pauses between attempts.

        Returns:
            (HTTP status, decoded JSON body).

        Raises:
            ApiError: the server refused the request.
            TurnupError: the server does not answer, is not an API server, or the fence does not allow the write.
        """
        timeout = urllib3.Timeout(connect=self._timeout.connect_timeout, read=read_timeout) if read_timeout else self._timeout
        for attempt in range(_ATTEMPTS):
            with fence():
                answer = self._send(method, path, query, body, content_type, accept, attempt, timeout)
            if answer is None:
                time.sleep(_pause(attempt, None))
                continue
            data = decode(answer.data, self.connection, answer.status)
            self.date = answer.headers.get("Date") or self.date
            if method != "GET":
                for text in warning_texts(answer.headers.getlist("Warning")):
                    self.on_warning(path, text)
            if answer.status < 300:
                check_success(data, self.connection, method, path)
                return answer.status, data
            if answer.status in _RETRYABLE and attempt + 1 < _ATTEMPTS and not _is_permanent(str(data)):
                time.sleep(_pause(attempt, answer.headers.get("Retry-After")))
                continue
            raise refusal(answer, data, self.connection, f"{method} {path}")
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
        """Returns the response of a GET as text, for the end of a log; of a very long one its beginning with CUT at the end.

        Args:
            path: path of the text.
            query: query parameters.

        Raises:
            ApiError: the server refused the request.
            UnreachableError: the server does not answer.
        """
        try:
            with Budget(seconds=ANSWER_SECONDS, size=ANSWER_BYTES):
                answer = self._authenticated("GET", path, query, {"Accept": "*/*"}, preload_content=False)
                data = answer.read(LOG_LINE_BYTES + 1)
        except (BadAnswerError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise self._unreachable(error) from None
        if answer.status >= 300:
            raise refusal(answer, decode(data, self.connection, answer.status), self.connection, f"GET {path}")
        if len(data) > LOG_LINE_BYTES:
            answer.close()
            answer.release_conn()  # closed, but its place in the pool is free again
            return data.decode("utf-8", "replace") + CUT
        return data.decode("utf-8", "replace")

    def _send(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, content_type: str, accept: str, attempt: int, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse | None:
        """Makes one attempt; returns None if a connection broke and the request may be retried."""
        headers = {"Accept": accept}
        payload = None
        if body is not None:
            # The server reads an apply as YAML, which has no escapes for characters beyond U+FFFF: they are sent as they are.
            payload = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
            headers["Content-Type"] = content_type
        try:
            with Budget(seconds=ANSWER_SECONDS, size=ANSWER_BYTES):
                return self._authenticated(method, path, query, headers, body=payload, timeout=timeout)
        except BadAnswerError as error:
            raise self._unreachable(error) from None
        except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProxyError) as error:
            raise self._unreachable(error) from None
        except (urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError, urllib3.exceptions.ReadTimeoutError) as error:
            if payload and len(payload) > _MAX_REQUEST_BYTES and not isinstance(error, urllib3.exceptions.ReadTimeoutError):
                # The server answers 413 and closes the connection while the body is still being sent, so the answer is usually lost.
                raise ApiError(413, "RequestEntityTooLarge", f"{len(payload)} bytes; the limit is {_MAX_REQUEST_BYTES}") from None
            self._check_tls(error)
            # All requests of this client are safe to repeat: reads, server-side apply, deletes by UID.
            if attempt + 1 >= _ATTEMPTS or isinstance(error, urllib3.exceptions.ReadTimeoutError):
                raise self._unreachable(error) from None
            return None
        except (ValueError, urllib3.exceptions.HTTPError) as error:  # a chunk of negative length, headers that contradict each other
            raise self._unreachable(error) from None

    def _check_tls(self, error: Exception) -> None:
        """Raises TurnupError if TLS failed for a reason that a retry does not fix; a broken handshake is just a broken connection."""
        reason = tls_reason(error) if isinstance(error, urllib3.exceptions.SSLError) else ""
        if reason:
            raise TurnupError(
                f"{self.connection.server}: TLS failed ({reason}); the kubeconfig of context "
                f"{self.connection.context!r} belongs to another cluster or is out of date; "
                "start the cluster with './turnup cluster start' if it is stopped, or renew the kubeconfig with "
                "'./turnup cluster kubeconfig --merge'."
            ) from None

    def stream(self, path: str, query: Mapping[str, Any], *, seconds: float) -> Iterator[dict[str, Any]]:
        """Yields the events of a watch until the server ends it.

        Args:
            path: path of the collection.
            query: query parameters; `watch=1` is added.
            seconds: how long the server should keep the watch open.

        Raises:
            ApiError: the server refused the watch.
        """
        query = {**query, "watch": "1", "timeoutSeconds": str(max(1, int(seconds))), "allowWatchBookmarks": "true"}
        for line in self._lines(path, query, "application/json", seconds + 10, Budget(seconds=ANSWER_SECONDS, size=None), seconds=seconds + ANSWER_SECONDS):
            if len(line) > EVENT_BYTES:
                raise self._unreachable(BadAnswerError(f"sent an event of more than {EVENT_BYTES} bytes"))
            if line.strip():
                event, problem = event_of(line, path)
                if problem:
                    raise self._unreachable(BadAnswerError(f"sent {problem}"))
                yield event

    def lines(self, path: str, query: Mapping[str, Any], *, follow: bool = False) -> Iterator[str]:
        """Yields the lines of a text, such as a log.

        Args:
            path: path of the text.
            query: query parameters.
            follow: whether the text may never end. Then silence is normal, and a broken connection just ends the lines.

        Raises:
            ApiError: the server refused the request.
            UnreachableError: the text ended early; only without `follow`.
        """
        budget = Budget(seconds=ANSWER_SECONDS, size=None, slowest=0 if follow else _SLOWEST_LOG, window=LOG_WINDOW_SECONDS)
        before = ""
        for line in self._lines(path, query, "*/*", None if follow else self._timeout.read_timeout, budget, whole=not follow, most=LOG_LINE_BYTES):
            # A value of a Secret may be cut in two; the mark lets both parts be masked.
            after = CUT if len(line) > LOG_LINE_BYTES else ""
            yield before + line.decode("utf-8", "replace") + after
            before = after

    def _lines(
        self,
        path: str,
        query: Mapping[str, Any],
        accept: str,
        silence: float | None,
        budget: Budget,
        *,
        whole: bool = False,
        seconds: float | None = None,
        most: int = EVENT_BYTES,
    ) -> Iterator[bytes]:
        """Yields lines as they arrive.

        Args:
            path: the path.
            query: query parameters.
            accept: media types that the response may have.
            silence: the longest time in seconds without a byte, None for no limit.
            budget: what the answer may take until its first line, and how slow it may be.
            whole: whether an early end is an error.
            seconds: the longest time for all lines; None for no limit.
            most: a line of more bytes is yielded in pieces that are longer than this.
        """
        try:
            with budget:
                options: dict[str, Any] = {"preload_content": False, "timeout": urllib3.Timeout(connect=4.0, read=silence)}
                answer = self._authenticated("GET", path, query, {"Accept": accept}, **options)
            if answer.status >= 300:
                data = answer.read(LOG_LINE_BYTES)
                raise refusal(answer, decode(data, self.connection, answer.status), self.connection, f"GET {path}")
            budget.extend(seconds=seconds)
            buffer = bytearray()
            for chunk in answer.stream(65536, decode_content=False):
                searched = len(buffer)
                buffer += chunk
                while (end := buffer.find(b"\n", searched)) >= 0:
                    yield bytes(buffer[:end])
                    del buffer[: end + 1]
                    searched = 0
                if len(buffer) > most:
                    yield bytes(buffer)
                    buffer.clear()
            if buffer:
                yield bytes(buffer)
            answer.release_conn()
        except (BadAnswerError, ValueError, urllib3.exceptions.HTTPError) as error:
            if whole or not isinstance(error, urllib3.exceptions.HTTPError):
                raise self._unreachable(error) from None
            return  # The caller opens a broken watch again.

    def url(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Returns the absolute URL of a path, for protocols on top of HTTP such as WebSocket."""
        url = urlsplit(self.connection.server)
        return f"{url.scheme}://{url.netloc}{self._url(path, query)}"

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        pairs = {key: value for key, value in (query or {}).items() if value not in (None, "")}
        return self._base + path + ("?" + urlencode(pairs, doseq=True) if pairs else "")

    def _unreachable(self, error: Exception) -> UnreachableError:
        via = f" through the proxy {proxy_name(self.connection.proxy)}" if self.connection.proxy else ""
        return UnreachableError(
            f"the API server {self.connection.server} of context {self.connection.context!r} does not answer{via} "
            f"({failure_reason(error)}); start it ('./turnup cluster start'), or correct the kubeconfig{' or the proxy' if via else ''}."
        )


def warning_texts(headers: Iterable[str]) -> list[str]:
    """Returns the texts of `Warning` headers as an API server writes them: `299 - "text"`, several in one header or in many."""
    return [re.sub(r"\\(.)", r"\1", text) for header in headers for text in _WARNING.findall(header)]


def _is_permanent(message: str) -> bool:
    """Returns whether a retry would get the same answer, or took so long that the caller should decide about a retry."""
    return is_schema_error(message) or ("webhook" in message and any(words in message for words in _PERMANENT_WEBHOOK_FAILURES))


def _pause(attempt: int, retry_after: str | None) -> float:
    if retry_after and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), 5.0)
    return min(0.1 * 2.0**attempt, 2.0)
