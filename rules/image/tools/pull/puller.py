"""Downloads from a registry, as large as they may be, from its storage elsewhere where it sends there.

A login goes to the registry alone. What breaks off is continued from where it stopped; network trouble is told apart from
trouble with the file that is written, which this module raises as it comes.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import socket
import threading
import urllib.parse
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Callable, Iterator, Mapping, TypeVar

from rules.image.tools.errors import PushError, masked
from rules.image.tools.oci import oci
from rules.image.tools.registry import proxy as proxies
from rules.image.tools.registry.http1 import Answer, add_header
from rules.image.tools.registry.refusals import check_no_page, check_tls, detail
from rules.image.tools.registry.registry import Registry
from rules.image.tools.registry.retry import ATTEMPTS, RETRYABLE_STATUSES, Interrupted, RetryPolicy

_BLOCK = 1 << 20
_REDIRECTS = 5
_TIMEOUT = 60.0  # seconds without a byte
_ACCEPT = ", ".join((*oci.MANIFESTS, *oci.INDEXES))
_CURES = {
    401: "log in with docker login {registry}",
    403: "ask for the right to pull from there, or log in with docker login {registry}",
    404: "check repository, digest and tag",
}
_Found = TypeVar("_Found")


class _Body:
    """An answer's status, headers and body, read piece by piece.

    Args:
        response: the answer.
        host: whose it is, for errors.
    """

    def __init__(self, response: http.client.HTTPResponse, host: str) -> None:
        self._response = response
        self._host = host
        self.status = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.getheaders():
            add_header(self.headers, name.lower(), value)

    def read(self, size: int) -> bytes:
        """Return up to size bytes, none at the end; raise Interrupted where the answer ends before the length that it told."""
        with _network(self._host):
            data = self._response.read(size)
        if not data and self._response.length:
            raise Interrupted(f"{self._host} broke off {self._response.length} bytes before the end")
        return data


@contextmanager
def _network(host: str, connection: http.client.HTTPConnection | None = None) -> Iterator[None]:
    """Turn errors of a connection, or of the proxy that it begins with, into Interrupted, or into PushError where trying again does not mend them."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError):
            check_tls(error, host)
        # Without a socket it was the connecting that failed.
        if connection and connection.sock is None and (proxy := getattr(connection, "proxy", None)):
            host = f"{host}: the proxy {proxy.host}:{proxy.port} that HTTPS_PROXY names"
        raise Interrupted(f"{host}: {error or type(error).__name__}") from None


@contextmanager
def _in_time(connection: http.client.HTTPConnection) -> Iterator[None]:
    """End waiting for the head of an answer that comes in byte by byte: the connection's own timeout is for silence."""
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(OSError, AttributeError):  # not connected yet, or not any more
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(_TIMEOUT, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():  # headers that end with the connection are whole to http.client
        raise TimeoutError(f"no whole answer within {_TIMEOUT:.0f} s")


class Puller(Registry):
    """A registry, with downloads that are as large as they may be; see Registry for the arguments."""

    actions = "pull"

    def manifest(self, repository: str, name: str) -> bytes:
        """Return a manifest or index by its digest, verified, or by its tag.

        Raises:
            PushError: the registry refuses, does not answer, or answers with something else.
        """
        what = f"{repository} {name}"

        def read() -> bytes:
            with self._get(f"/v2/{repository}/manifests/{name}", repository, what, {"Accept": _ACCEPT}) as body:
                data = b""
                while len(data) <= oci.MAX_JSON and (more := body.read(_BLOCK)):
                    data += more
                return data

        data = self._patiently(what, read, lambda: 0)
        if len(data) > oci.MAX_JSON:
            raise PushError(f"registry {self.name}: {what}: a manifest of more than {oci.MAX_JSON} bytes; name another image")
        if name.startswith("sha256:") and oci.sha256(data) != name:
            raise PushError(f"registry {self.name}: {what}: it answered with {oci.sha256(data)}; do not trust this registry, or the proxy before it")
        return data

    def blob(self, repository: str, descriptor: Mapping[str, Any], out: Path) -> None:
        """Download a blob to out, from where an earlier attempt stopped, and verify it.

        Args:
            repository: repository in the registry.
            descriptor: its checked digest and size.
            out: file to write; what it has already is kept if it fits. Complete and verified when this returns.

        Raises:
            PushError: the registry refuses or does not answer, or sends something else; that is removed.
            OSError: out cannot be written.
        """
        digest, size = descriptor["digest"], descriptor["size"]
        what = f"{digest} of {repository}"

        def more() -> None:
            with open(out, "a+b") as file:
                self._continue(repository, digest, size, file)

        self._patiently(what, more, lambda: out.stat().st_size)
        with open(out, "rb") as file:
            found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            out.unlink()
            raise PushError(f"registry {self.name}: {what}: what arrived has the digest {found}; do not trust this registry, or the proxy before it")

    def _patiently(self, what: str, work: Callable[[], _Found], have: Callable[[], int]) -> _Found:
        """Return what work returns, tried again after Interrupted; only attempts after which `have` returns no more than before count."""
        patience, most = RetryPolicy(self.sleep), 0
        while True:
            try:
                return work()
            except Interrupted as error:
                problem = error
            if (now := have()) > most:
                most = now
                patience.renew()
            if not patience.waits(problem.wish):
                raise PushError(f"registry {self.name}: {what}: {problem}, {ATTEMPTS} times; check the registry and the network, then run this again")

    def _continue(self, repository: str, digest: str, size: int, file: IO[bytes]) -> None:
        """Append to a file what it lacks of a blob."""
        have = file.seek(0, os.SEEK_END)
        if have > size:
            file.truncate(have := 0)
        if have == size:
            return
        what = f"{digest} of {repository}"
        part = {"Range": f"bytes={have}-"} if have else {}
        with self._get(f"/v2/{repository}/blobs/{digest}", repository, what, part) as body:
            if body.status == 200:
                file.truncate(have := 0)
            elif not re.match(rf"bytes {have}-", body.headers.get("content-range", "")):
                file.truncate(0)
                raise Interrupted("the answer is not the part that was asked for")
            while data := body.read(_BLOCK):
                have += len(data)
                if have > size:
                    file.truncate(0)
                    raise PushError(f"registry {self.name}: {what}: sent more than its {size} bytes; do not trust this registry, or the proxy before it")
                file.write(data)
        if have < size:
            raise Interrupted(f"broke off after {have} of {size} bytes")

    @contextmanager
    def _get(self, path: str, repository: str, what: str, headers: dict[str, str]) -> Iterator[_Body]:
        """Ask for something; follow redirects to the registry's storage, which gets no login, whatever it asks for.

        Args:
            path: its path at the registry.
            repository: the repository that it is of.
            what: what to call it in errors.
            headers: of the request.
        """
        used = self._known(repository)
        url = urllib.parse.urlsplit(f"{'http' if self.plain else 'https'}://{self._address}{path}")
        for _ in range(_REDIRECTS):
            home = self._is_own(url)
            login = {"Authorization": used} if used and home else {}
            connection = self._open(url)
            try:
                with _network(url.netloc, connection), _in_time(connection):
                    connection.request("GET", urllib.parse.urlunsplit(("", "", url.path or "/", url.query, "")), headers={"Accept-Encoding": "identity", **headers, **login})
                    body = _Body(connection.getresponse(), url.netloc)
                if body.status in (200, 206):
                    check_no_page(body.status, body.headers, self.name)
                    yield body
                    return
                answer = Answer(body.status, body.headers, body.read(1 << 16))
            finally:
                connection.close()
            if answer.status in (301, 302, 303, 307, 308):
                url = self._elsewhere(answer.headers.get("location", ""), url)
            elif answer.status in RETRYABLE_STATUSES:
                raise Interrupted(f"{'' if home else f'its storage {url.netloc} '}answered {answer.status}", answer.headers.get("retry-after"))
            elif not home:
                raise PushError(f"registry {self.name}: {what}: its storage {url.netloc} answered {answer.status}{detail(answer)}; logins are not sent there, check the registry's storage")
            elif answer.status == 401 and (known := self._authorize(answer, repository, used)):
                used = known
            else:
                if answer.status == 400 and not detail(answer):
                    self._check_plain()
                cure = _CURES.get(answer.status, "check the registry's log").format(registry=self.name)
                raise PushError(f"registry {self.name}: {what}: answered {answer.status}{detail(answer)}; {cure}")
        raise PushError(f"registry {self.name}: {what}: {_REDIRECTS} redirects and no answer; check the registry's log")

    def _is_own(self, url: urllib.parse.SplitResult) -> bool:
        """Say whether a URL is the registry's own, host, port and scheme."""
        port = url.port or (80 if url.scheme == "http" else 443)
        return (url.scheme == "http", url.hostname, port) == (self.plain, self._host.lower(), self._port)

    @staticmethod
    def _open(url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
        """Return a connection that its first request opens."""
        if url.scheme == "http":
            return http.client.HTTPConnection(url.netloc, timeout=_TIMEOUT)
        proxy = proxies.find(url.hostname or "", url.port or 443)
        if proxy is None:
            return http.client.HTTPSConnection(url.netloc, timeout=_TIMEOUT)
        connection = http.client.HTTPSConnection(proxy.host, proxy.port, timeout=_TIMEOUT)
        connection.proxy = proxy  # for errors
        connection.set_tunnel(url.hostname or "", url.port or 443, {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {})
        return connection

    def _elsewhere(self, location: str, url: urllib.parse.SplitResult) -> urllib.parse.SplitResult:
        """Return where a redirect that url answered with leads."""
        try:
            found = urllib.parse.urlsplit(urllib.parse.urljoin(url.geturl(), location))
            good = found.port is None or found.port > 0
        except ValueError:  # half an IPv6 address, or no number for a port
            found, good = urllib.parse.urlsplit(""), False
        good = good and location.isascii() and " " not in location and location.isprintable()
        if not good or found.scheme not in (("https", "http") if self.plain else ("https",)) or not found.hostname:
            raise PushError(f"registry {self.name}: sends to {masked(location)!r:.200}, which is no https address; check the registry")
        return found._replace(netloc=found.netloc.rpartition("@")[2])
