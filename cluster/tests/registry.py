"""A registry without TLS that serves one OCI archive, with just enough of the protocol for a pull."""

from __future__ import annotations

import http.server
import json
import tarfile
import threading
from pathlib import Path

__all__ = ["serve"]


def serve(archive: Path, address: str, port: int) -> http.server.ThreadingHTTPServer:
    """Serves the archive's one image under any name and tag, until shutdown is called on the result."""
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    manifest = json.loads(files["index.json"])["manifests"][0]

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers the three requests of a pull."""

        def do_GET(self) -> None:
            """Answers /v2/, a manifest by tag or digest, or a blob by digest."""
            kind, _, reference = self.path.rpartition("/")
            if self.path == "/v2/":
                self._send(b"{}", "application/json")
            elif kind.endswith("/manifests"):
                self._send(files[f"blobs/sha256/{manifest['digest'].removeprefix('sha256:')}"], manifest["mediaType"])
            elif f"blobs/sha256/{reference.removeprefix('sha256:')}" in files:
                self._send(files[f"blobs/sha256/{reference.removeprefix('sha256:')}"], "application/octet-stream")
            else:
                self.send_error(404)

        do_HEAD = do_GET

        def _send(self, content: bytes, media_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            if media_type == manifest["mediaType"]:
                self.send_header("Docker-Content-Digest", manifest["digest"])
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
