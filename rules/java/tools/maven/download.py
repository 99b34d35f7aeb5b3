"""Downloads a file of a repository by HTTP: resumed where an earlier download ended, retried where that can help."""

from __future__ import annotations

import base64
import http.client
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from rules.common.bounded_http import BadAnswerError, BoundedResponse, Budget
from rules.common.control_characters import strip_control_characters
from rules.java.tools.maven.errors import FetchError
from rules.java.tools.maven.repositories import Repository

_TIMEOUT_SECONDS = 60
_TRIES = 4
_BLOCK = 1 << 20
# Until the first byte of a file, redirects included: a repository manager may fetch the file from elsewhere first.
_HEAD_SECONDS = 120.0
# For the whole file; the repository rule that wants it gives up after this time.
_FILE_SECONDS = 1800.0
# The largest files of Maven repositories, distributions of servers, have about a GiB.
_FILE_BYTES = 4 << 30
# Slower than a modem, measured over the seconds after it.
_SLOWEST = 1000.0
_WINDOW_SECONDS = 60.0
_SHOWN_CHARACTERS = 200
# Answers that a later request may not get.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class _Connection(http.client.HTTPConnection):
    """A connection with bounded answers."""

    response_class = BoundedResponse


class _TlsConnection(http.client.HTTPSConnection):
    """The same with TLS."""

    response_class = BoundedResponse


class _Http(urllib.request.HTTPHandler):
    """Opens connections with bounded answers."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Sends a request."""
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    """The same with TLS, and the certificates of the system."""

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Sends a request."""
        return self.do_open(_TlsConnection, req)


class _SameHostRedirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and sends the login on only to the host that it belongs to."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Returns the request that follows a redirect."""
        fp.close()  # urllib would read all of it
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):  # urllib would follow one to ftp
            return None
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if request is not None and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            request.unredirected_hdrs.update(req.unredirected_hdrs)
        return request


def shown(url: str) -> str:
    """Returns an address as errors may show it: without a login and without a query, which may be a signature."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(repository: Repository, path: str, part: Path) -> bool:
    """Downloads a file.

    Args:
        repository: where it may be.
        path: the file's path below the repository's address.
        part: the file to write. If it exists, the download goes on at its end.

    Returns:
        whether the repository has the file.

    Raises:
        FetchError: the repository refused the request or did not answer it.
    """
    url = f"{repository.url}/{urllib.parse.quote(path)}"
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme == "file":
        return _copy(url, part)
    if scheme not in ("http", "https"):
        raise FetchError(f"repository {repository.id} has the address {shown(url)}, which is not http, https or file. Correct it in settings.xml.")
    opener, headers = _opener(repository), _headers(repository)
    for attempt in range(1, _TRIES + 1):
        try:
            return _once(opener, url, headers, part)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return False
            if error.code == 416:  # The part is longer than the file.
                part.unlink(missing_ok=True)
            elif error.code not in _PASSING or attempt == _TRIES:
                raise FetchError(_refusal(repository, url, error.code)) from error
        except (BadAnswerError, ValueError, OSError, http.client.HTTPException) as error:
            # What the repository sends to keep this busy is not worth another try.
            if isinstance(error, BadAnswerError):
                part.unlink(missing_ok=True)
            if attempt == _TRIES or isinstance(error, BadAnswerError):
                reason = _reason(error)
                raise FetchError(
                    f"repository {repository.id} did not send {shown(url)} in {attempt} {'tries' if attempt > 1 else 'try'} ({reason}). "
                    "Check the network, and mirrors and proxies in ~/.m2/settings.xml."
                ) from error
        time.sleep(2.0 ** (attempt - 1))
    raise FetchError(f"repository {repository.id} sent {shown(url)} in a wrong length {_TRIES} times. Check the repository, then try again.")


def _reason(error: Exception) -> str:
    """Returns an error's text in one short line; a repository may have chosen parts of it."""
    text = f"it {error}" if isinstance(error, BadAnswerError) else str(getattr(error, "reason", None) or error) or type(error).__name__
    return " ".join(strip_control_characters(text).split())[:_SHOWN_CHARACTERS]


def _refusal(repository: Repository, url: str, code: int) -> str:
    if code in (401, 403):
        cure = "Correct the server's login" if repository.server else f"Add a server with id {repository.id} and a login"
        return f"repository {repository.id} refused {shown(url)} ({code}). {cure} in ~/.m2/settings.xml."
    if code == 407:
        return f"the proxy of repository {repository.id} refused the login (407). Correct the proxy's login in ~/.m2/settings.xml."
    return f"repository {repository.id} answered {code} to {shown(url)}. Try again later, or use a mirror in ~/.m2/settings.xml."


def _opener(repository: Repository) -> urllib.request.OpenerDirector:
    """Returns what opens addresses: through the proxy of the settings only, as mvn does not read HTTPS_PROXY either."""
    proxies = {}
    if repository.proxy:
        proxy = repository.proxy
        login = f"{urllib.parse.quote(proxy.username, safe='')}:{urllib.parse.quote(proxy.password, safe='')}@" if proxy.username else ""
        proxies = dict.fromkeys(("http", "https"), f"http://{login}{proxy.host}:{proxy.port}")
    return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _SameHostRedirect, _Http, _Https)


def _headers(repository: Repository) -> dict[str, str]:
    server = repository.server
    if server is None:
        return {}
    headers = dict(server.headers)
    if server.username:
        login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
        headers.setdefault("Authorization", f"Basic {login}")
    return headers


def _once(opener: urllib.request.OpenerDirector, url: str, headers: dict[str, str], part: Path) -> bool:
    """Sends one request and writes what comes.

    Raises:
        OSError: the connection failed, or ended early; the part has what came.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "turnup"})  # noqa: S310  # the scheme was checked
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    have = part.stat().st_size if part.exists() else 0
    if have:
        request.add_header("Range", f"bytes={have}-")
    budget = Budget(seconds=_HEAD_SECONDS, size=_FILE_BYTES, slowest=_SLOWEST, window=_WINDOW_SECONDS)
    with budget, opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
        budget.extend(seconds=_FILE_SECONDS)
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        with part.open("ab" if resumed else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
            length = answer.headers.get("Content-Length")
            written = file.tell() - (have if resumed else 0)
    if length is not None and written != int(length):
        raise ConnectionResetError(f"the connection ended after {written} of {length} bytes")
    return True


def _copy(url: str, part: Path) -> bool:
    source = Path(urllib.request.url2pathname(urllib.parse.urlsplit(url).path))
    if not source.is_file():
        return False
    shutil.copyfile(source, part)
    return True
