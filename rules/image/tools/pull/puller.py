"""Downloads of any size from a registry, or from the storage that it redirects to.

A login only goes to the registry. An interrupted download continues where it stopped. Network errors become PushError; errors of
the file that is written are raised unchanged.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from rules.image.tools.errors import PushError, mask_login
from rules.image.tools.oci import oci
from rules.image.tools.registry.http1 import Answer, Body, Connection, request_head
from rules.image.tools.registry.refusals import check_no_page, check_tls, detail
from rules.image.tools.registry.registry import Registry
from rules.image.tools.registry.retry import RETRYABLE_STATUSES, Interrupted, RetryPolicy

_BLOCK = 1 << 20
_REDIRECTS = 5
# The bytes, or the part of a blob, that an attempt must bring so that it does not count: a byte a time would take years.
_PROGRESS, _PART = 1 << 16, 64
_ACCEPT = ", ".join((*oci.MANIFESTS, *oci.INDEXES))
_ADVICE = {
    401: "log in with docker login {registry}",
    403: "ask for the right to pull from there, or log in with docker login {registry}",
    404: "check repository, digest and tag",
}
_Found = TypeVar("_Found")


@contextmanager
def _network(host: str) -> Iterator[None]:
    """Turns errors of a connection into Interrupted, or into PushError if another attempt would fail the same way.

    Args:
        host: the host of the connection, for errors.
    """
    try:
        yield
    except OSError as error:
        check_tls(error, host)
        raise Interrupted(f"{host}: {error or type(error).__name__}") from None


class _Body:
    """The body of an answer, with errors that name its host.

    Args:
        answer: the answer without its body.
        body: the body.
        host: the host that answered, for errors.
    """

    def __init__(self, answer: Answer, body: Body, host: str) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._body = body
        self._host = host

    def read(self, size: int) -> bytes:
        """Returns up to size bytes, none at the end; raises Interrupted if the answer ends early."""
        with _network(self._host):
            return self._body.read(size)

    def read_all(self, limit: int) -> bytes:
        """Returns the rest, up to a little more than limit bytes."""
        data = b""
        while len(data) <= limit and (more := self.read(_BLOCK)):
            data += more
        return data


class Puller(Registry):
    """A registry with downloads of any size; see Registry for the arguments."""

    actions = "pull"

    def manifest(self, repository: str, name: str) -> bytes:
        """Returns a manifest or index by its digest, verified, or by its tag.

        Raises:
            PushError: the registry refuses, does not answer, or answers with something else.
        """
        what = f"{repository} {name}"

        def read() -> bytes:
            with self._get(f"/v2/{repository}/manifests/{name}", repository, what, {"Accept": _ACCEPT}, small=True) as body:
                return body.read_all(oci.MAX_JSON)

        data = self._with_retries(what, read)
        if len(data) > oci.MAX_JSON:
            raise PushError(f"registry {self.name}: {what}: the manifest has more than {oci.MAX_JSON} bytes; name another image")
        if name.startswith("sha256:") and oci.sha256(data) != name:
            raise PushError(f"registry {self.name}: {what}: it answered with {oci.sha256(data)}; do not trust this registry, or the proxy in front of it")
        return data

    def blob(self, repository: str, descriptor: Mapping[str, Any], out: Path) -> None:
        """Downloads a blob to out, starting where an earlier attempt stopped, and verifies it.

        Args:
            repository: repository in the registry.
            descriptor: its checked digest and size.
            out: file to write; a matching beginning is kept. Complete and verified when this returns.

        Raises:
            PushError: the registry refuses, does not answer, or sends something else, which is removed.
            OSError: out cannot be written.
        """
        digest, size = descriptor["digest"], descriptor["size"]
        what = f"{digest} of {repository}"

        def more() -> None:
            with open(out, "a+b") as file:
                self._continue(repository, digest, size, file)

        self._with_retries(what, more, lambda: out.stat().st_size, min(_PROGRESS, size // _PART))
        with open(out, "rb") as file:
            found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            out.unlink()
            raise PushError(f"registry {self.name}: {what}: what arrived has the digest {found}; do not trust this registry, or the proxy in front of it")

    def _with_retries(self, what: str, work: Callable[[], _Found], have: Callable[[], int] = lambda: 0, progress: int = 0) -> _Found:
        """Returns what work returns; retries after Interrupted. An attempt that increases `have` by `progress` or more does not count."""
        policy, most = RetryPolicy(self.sleep, self.note), 0
        while True:
            try:
                return work()
            except Interrupted as error:
                problem = error
            if (now := have()) > most and now >= most + progress:
                most = now
                policy.reset()
            if not policy.wait(f"registry {self.name}: {what}: {problem}", problem.retry_after):
                raise PushError(f"registry {self.name}: {what}: {problem}, {policy.tried}; check the registry and the network, then run this again")

    def _continue(self, repository: str, digest: str, size: int, file: IO[bytes]) -> None:
        """Appends the rest of a blob to a file."""
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
                    raise PushError(f"registry {self.name}: {what}: sent more than its {size} bytes; do not trust this registry, or the proxy in front of it")
                file.write(data)
        if have < size:
            raise Interrupted(f"was cut off after {have} of {size} bytes")

    @contextmanager
    def _get(self, path: str, repository: str, what: str, headers: dict[str, str], *, small: bool = False) -> Iterator[_Body]:
        """Gets a path; follows redirects to the registry's storage, which never gets the login.

        Args:
            path: its path at the registry.
            repository: the repository of the path.
            what: the subject in errors.
            headers: further headers of the request.
            small: whether the answer must be complete within minutes.
        """
        used = self._known(repository)
        url = urllib.parse.urlsplit(f"{'http' if self.plain else 'https'}://{self._address}{path}")
        for _ in range(_REDIRECTS):
            home = self._is_own(url)
            login = {"Authorization": used} if used and home else {}
            connection = Connection(url.hostname or "", url.port or (80 if url.scheme == "http" else 443), url.scheme == "http")
            try:
                with _network(url.netloc):
                    target = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
                    head = request_head("GET", target, url.netloc, {"Accept-Encoding": "identity", **headers, **login})
                    answer, stream = connection.stream(head, small=small)
                body = _Body(answer, stream, url.netloc)
                if body.status in (200, 206):
                    check_no_page(body.status, body.headers, self.name)
                    yield body
                    return
                answer = Answer(body.status, body.headers, body.read_all(1 << 16))
            finally:
                connection.close()
            if answer.status in (301, 302, 303, 307, 308):
                url = self._elsewhere(answer.headers.get("location", ""), url)
            elif answer.status in RETRYABLE_STATUSES:
                raise Interrupted(f"{'' if home else f'its storage {url.netloc} '}answered {answer.status}", answer.headers.get("retry-after"))
            elif not home:
                raise PushError(
                    f"registry {self.name}: {what}: its storage {url.netloc} answered {answer.status}{detail(answer)}; "
                    "logins are not sent there, check the registry's storage"
                )
            elif answer.status == 401 and (known := self._authorize(answer, repository, used)):
                used = known
            else:
                if answer.status == 400 and not detail(answer):
                    self._check_plain()
                advice = _ADVICE.get(answer.status, "check the registry's log").format(registry=self.name)
                raise PushError(f"registry {self.name}: {what}: answered {answer.status}{detail(answer)}; {advice}")
        raise PushError(f"registry {self.name}: {what}: {_REDIRECTS} redirects and no answer; check the registry's log")

    def _is_own(self, url: urllib.parse.SplitResult) -> bool:
        """Returns whether a URL has the registry's host, port and scheme."""
        port = url.port or (80 if url.scheme == "http" else 443)
        return (url.scheme == "http", url.hostname, port) == (self.plain, self._host.lower(), self._port)

    def _elsewhere(self, location: str, url: urllib.parse.SplitResult) -> urllib.parse.SplitResult:
        """Returns the target of a redirect that came from url."""
        try:
            found = urllib.parse.urlsplit(urllib.parse.urljoin(url.geturl(), location))
            good = found.port is None or found.port > 0
        except ValueError:  # half an IPv6 address, or a port that is not a number
            found, good = urllib.parse.urlsplit(""), False
        good = good and location.isascii() and " " not in location and location.isprintable()
        if not good or found.scheme not in (("https", "http") if self.plain else ("https",)) or not found.hostname:
            raise PushError(f"registry {self.name}: sends to {mask_login(location)!r:.200}, which is not an https address; check the registry")
        return found._replace(netloc=found.netloc.rpartition("@")[2])
