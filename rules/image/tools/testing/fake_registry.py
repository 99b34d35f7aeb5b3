"""A registry in this process, for tests: distribution-spec 1.1's push half, with faults on request.

    with FakeRegistry() as registry:
        push_all(images, registry.name)
        assert registry.uploads == {...}

It ships with the rules, so that users can test pushes without installing a registry.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

Fault = Callable[["_Handler"], bool]


class FakeRegistry:
    """Holds blobs and manifests in memory and listens on a free port of 127.0.0.1.

    Attributes:
        name: HOST:PORT.
        blobs: bytes by (repository, digest).
        manifests: bytes by (repository, digest or tag).
        log: `METHOD path?query` of every request, in order of arrival.
        uploads: (repository, digest) of every blob that was sent, in order of arrival.
        fault: called with the handler before each request; it returns True if it answered the request or cut
            the connection itself.
    """

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.log: list[str] = []
        self.uploads: list[tuple[str, str]] = []
        self.sessions: set[str] = set()
        self.fault: Fault | None = None
        self.mounts = True
        registry = self

        class Handler(_Handler):
            """The handler of this registry."""

            state = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.name = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def require_login(login: str) -> Fault:
    """Returns a fault with which writes need a login, as the registry in the cluster has it.

    Args:
        login: NAME:PASSWORD.
    """
    wanted = "Basic " + base64.b64encode(login.encode()).decode()

    def check(request: _Handler) -> bool:
        if request.command in ("GET", "HEAD") or request.headers.get("Authorization") == wanted:
            return False
        request.body()
        request.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"pushes need a login"}]}', WWW_Authenticate='Basic realm="r"')
        return True

    return check


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    state: FakeRegistry
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Sends a whole answer; underscores in header names become dashes."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self) -> None:
        """Closes the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(2)

    def body(self) -> bytes:
        """Returns the request's body."""
        self.body_read = True
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def work(self) -> None:
        """Answers one request."""
        state = self.state
        state.log.append(f"{self.command} {self.path}")
        self.body_read = self.headers.get("Content-Length", "0") == "0"
        if state.fault and state.fault(self):
            # An unread body would be taken for the next request.
            self.close_connection = self.close_connection or not self.body_read
            return
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        match = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/(uploads/)?(.*)", parts.path)
        if not match:
            self.answer(404)
            return
        repository, kind, upload, name = match[1], match[2], match[3], match[4]
        if kind == "manifests":
            self._manifest(repository, name)
        elif not upload:
            found = state.blobs.get((repository, name))
            self.answer(404) if found is None else self.answer(200, found, Docker_Content_Digest=name)
        elif self.command == "POST":
            self._begin(repository, query)
        else:
            self._finish(repository, name, query)

    do_GET = do_HEAD = do_POST = do_PUT = work

    def _begin(self, repository: str, query: dict[str, str]) -> None:
        """Mounts a blob, or opens an upload."""
        state = self.state
        source = state.blobs.get((query.get("from", ""), query.get("mount", "")))
        if source is not None and state.mounts:
            state.blobs[repository, query["mount"]] = source
            self.answer(201, Docker_Content_Digest=query["mount"])
            return
        session = uuid.uuid4().hex
        state.sessions.add(session)
        self.answer(202, Location=f"http://{state.name}/v2/{repository}/blobs/uploads/{session}?_state=x%3D")

    def _finish(self, repository: str, session: str, query: dict[str, str]) -> None:
        """Stores a whole blob."""
        state, data, digest = self.state, self.body(), query.get("digest", "")
        if session not in state.sessions:
            self.answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"upload unknown"}]}')
        elif digest != "sha256:" + hashlib.sha256(data).hexdigest():
            self.answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}')
        else:
            state.sessions.discard(session)
            state.blobs[repository, digest] = data
            state.uploads.append((repository, digest))
            self.answer(201, Docker_Content_Digest=digest)

    def _manifest(self, repository: str, name: str) -> None:
        """Returns or stores a manifest; it is stored only if everything it names exists."""
        state = self.state
        if self.command == "PUT":
            data = self.body()
            wanted = set(re.findall(rb'"digest":"(sha256:[0-9a-f]{64})"', data))
            if any((repository, digest.decode()) not in state.blobs.keys() | state.manifests.keys() for digest in wanted):
                self.answer(400, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}')
                return
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            state.manifests[repository, name] = state.manifests[repository, digest] = data
            self.answer(201, Docker_Content_Digest=digest)
            return
        found = state.manifests.get((repository, name))
        if found is None:
            self.answer(404)
        else:
            self.answer(200, found, Docker_Content_Digest="sha256:" + hashlib.sha256(found).hexdigest())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in http.server
        """Prints nothing; the log attribute has the requests."""
