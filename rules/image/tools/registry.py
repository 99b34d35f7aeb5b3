"""A client of the registry API (OCI distribution-spec 1.1) over kept-alive HTTP connections.

One Registry serves many threads; connections are kept open and handed from request to request. A request is tried again,
with growing pauses, after 429, 5xx and broken connections; everything that this client sends may be repeated. A 401 is
met with the user's login (see auth.py).
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import random
import re
import threading
import time
import urllib.parse
from typing import BinaryIO, Callable, Mapping, NamedTuple

from rules.image.tools import auth
from rules.image.tools.errors import PushError

ATTEMPTS = 8  # with the pauses below about 13 s of patience: a registry's pod restarts in less
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 8.0
CONNECT_TIMEOUT = 5.0
TIMEOUT = 60.0
_BLOCK = 1 << 22
_ANSWER_LIMIT = 1 << 22

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?\Z")
_REPOSITORY = re.compile(r"/v2/(.+)/(?:blobs|manifests)/")
_AGAIN = frozenset((408, 429, 500, 502, 503, 504))


class Answer(NamedTuple):
    """A registry's answer: status code, headers (names in lower case) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_loopback(registry: str) -> bool:
    """Say whether a registry's HOST[:PORT] names this machine itself."""
    host = registry.rpartition(":")[0] if re.search(r":[0-9]+\Z", registry) else registry
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def wants_plain_http(registry: str, insecure: bool | None) -> bool:
    """Say whether to speak HTTP without TLS: when told so, and by default only to loopback."""
    return is_loopback(registry) if insecure is None else insecure


class Registry:
    """Requests to one registry.

    Args:
        name: HOST or HOST:PORT.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.
        login: finds the user's name and password for a registry's name, or None; asked once, when the registry
            wants them. By default docker's config file is read.
        sleep: what waits between attempts (tests put a recorder here).

    Raises:
        PushError: name is no HOST[:PORT].
    """

    def __init__(
        self,
        name: str,
        *,
        insecure: bool | None = None,
        login: Callable[[str], auth.Login | None] = auth.find_login,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not _HOST.match(name):
            raise PushError(f"registry {name!r:.120}: write HOST or HOST:PORT, without http:// and path")
        self.name = name
        self.plain = wants_plain_http(name, insecure)
        self.sleep = sleep
        self._find_login = login
        self._login: tuple[auth.Login | None] | None = None
        self._authorizations: dict[str, str] = {}
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close every connection that no request is using."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | BinaryIO | None = None,
        size: int = 0,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
        sent: Callable[[int], None] | None = None,
    ) -> Answer:
        """Send one request and read its answer.

        Args:
            method: HTTP method.
            path: path and query, beginning with '/'.
            body: bytes, or a file opened for reading bytes, which is sent from its start.
            size: length of the body in bytes.
            headers: further headers.
            again: repeat after 429, 5xx and broken connections; False for requests whose session ends with
                an error, which have to be repeated from an earlier step.
            sent: called with the number of body bytes after each block handed to the connection.

        Returns:
            The answer, whatever its status, except those that were repeated to no avail.

        Raises:
            PushError: no answer after all attempts. With again=False, Interrupted after the first.
        """
        pause = FIRST_PAUSE
        repository = _REPOSITORY.match(path)
        key = repository[1] if repository else ""
        for attempt in range(1, ATTEMPTS + 1):
            retry_after = None
            try:
                answer = self._once(method, path, body, size, self._headers(headers, key), sent)
                if answer.status == 401 and self._authorize(answer, key):
                    answer = self._once(method, path, body, size, self._headers(headers, key), sent)
                if answer.status not in _AGAIN:
                    return answer
                problem = f"answered {answer.status}{_detail(answer)}"
                retry_after = answer.headers.get("retry-after")
            except (OSError, http.client.HTTPException) as error:
                if type(error).__name__ == "SSLCertVerificationError" or "WRONG_VERSION_NUMBER" in str(error):
                    raise PushError(
                        f"registry {self.name}: no TLS connection ({error}); name it insecure if it speaks plain HTTP, "
                        "or install its certificate"
                    ) from None
                problem = f"{method} {path.partition('?')[0]}: {error or type(error).__name__}"
            if not again:
                raise Interrupted(problem)
            if attempt < ATTEMPTS:
                self.sleep(_pause(pause, retry_after))
                pause = min(pause * 2, LONGEST_PAUSE)
        raise PushError(f"registry {self.name}: {problem}, {ATTEMPTS} times; check that it runs and is reachable, then run this again")

    def _headers(self, headers: Mapping[str, str] | None, key: str) -> dict[str, str]:
        """Return a request's headers, with the authorization that its repository was found to need."""
        known = self._authorizations.get(key) or self._authorizations.get("")
        return {**(headers or {}), **({"Authorization": known} if known else {})}

    def _authorize(self, answer: Answer, key: str) -> bool:
        """Meet the challenge of a 401; say whether there is now something new to try."""
        challenge = auth.parse_challenge(answer.headers.get("www-authenticate", ""))
        if not challenge.scheme:
            return False
        with self._lock:
            if self._login is None:
                self._login = (self._find_login(self.name),)
        value = auth.authorize(challenge, self._login[0], self.name, plain=self.plain)
        # A password opens every repository, a token one.
        place = key if challenge.scheme == "bearer" else ""
        if value is None or value == self._authorizations.get(place):
            return False
        self._authorizations[place] = value
        return True

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None,
        size: int,
        headers: Mapping[str, str],
        sent: Callable[[int], None] | None,
    ) -> Answer:
        """Send the request on this thread's connection, without repeating."""
        connection = self._take()
        try:
            if connection.sock is None:
                connection.connect()
                connection.sock.settimeout(TIMEOUT)
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None or method in ("POST", "PUT"):
                connection.putheader("Content-Length", str(size))
            connection.endheaders(body if isinstance(body, bytes) else None)
            refused = False
            if body is not None and not isinstance(body, bytes):
                try:
                    _send_file(connection, body, size, sent)
                except (BrokenPipeError, ConnectionResetError):
                    refused = True  # by an early answer, which says why if it can still be read
            response = connection.getresponse()
            data = response.read(_ANSWER_LIMIT)
            headers_in = {name.lower(): value for name, value in response.getheaders()}
            if refused or not response.isclosed():
                connection.close()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return Answer(response.status, headers_in, data)

    def _take(self) -> http.client.HTTPConnection:
        """Return an idle connection, or a new one that is still to be opened."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        kind = http.client.HTTPConnection if self.plain else http.client.HTTPSConnection
        return kind(self.name, timeout=CONNECT_TIMEOUT)

    def location(self, answer: Answer) -> str:
        """Return path and query of the Location that an upload answer gives.

        Raises:
            PushError: there is none, or it points to another host: blobs and credentials go only where the
                user said.
        """
        value = answer.headers.get("location", "")
        parts = urllib.parse.urlsplit(value)
        default = ":80" if self.plain else ":443"
        elsewhere = parts.netloc and parts.netloc.lower().removesuffix(default) != self.name.lower().removesuffix(default)
        if elsewhere or not parts.path.startswith("/"):
            raise PushError(f"registry {self.name}: sent an upload to {value!r:.200}; only paths of the registry itself are followed")
        if re.search(r"[\x00-\x20\x7f]", value):
            raise PushError(f"registry {self.name}: the upload location {value!r:.200} has control characters or spaces in it; check the registry")
        return parts.path + (f"?{parts.query}" if parts.query else "")


def _send_file(
    connection: http.client.HTTPConnection, body: BinaryIO, size: int, sent: Callable[[int], None] | None
) -> None:
    """Send size bytes of a file, in pieces large enough to be cheap and small enough to show progress."""
    done = 0
    while done < size:
        count = connection.sock.sendfile(body, done, min(_BLOCK, size - done))
        if not count:
            raise PushError(f"{body.name}: became shorter while it was sent; build again and push again")
        done += count
        if sent:
            sent(count)


class Interrupted(Exception):
    """A request that may not be repeated by itself broke off; the message says how."""


def _pause(pause: float, retry_after: str | None) -> float:
    """Return how long to wait: the registry's wish if it is a number of seconds up to 60, else pause with jitter."""
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return pause * random.uniform(0.7, 1.3)


def _detail(answer: Answer) -> str:
    """Return the first error of a registry's JSON answer as ` (CODE: message)`, or nothing."""
    try:
        error = json.loads(answer.body)["errors"][0]
        text = f"{error.get('code', '')}: {error.get('message', '')}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({re.sub(r'[^ -~]', '?', text)[:200]})"


def refusal(answer: Answer, what: str, registry: str) -> PushError:
    """Return the error for an answer that ends the work.

    Args:
        answer: the registry's answer.
        what: what was asked, e.g. `blob sha256:… of app/server`.
        registry: the registry's name.
    """
    cures = {
        400: "build the image again and push again",
        401: f"log in with docker login {registry}",
        403: "ask for the right to push there, or choose another repository",
        404: "check that this is a registry (API version 2) and that the repository may be made",
        405: "this registry is read-only; push to another",
        413: "raise the size that the registry, or the proxy before it, takes",
        507: "free room in the registry's storage",
    }
    cure = cures.get(answer.status, "check the registry's log")
    return PushError(f"registry {registry}: {what}: answered {answer.status}{_detail(answer)}; {cure}")
