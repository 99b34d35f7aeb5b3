"""A tiny HTTP endpoint for Kubernetes probes and for looking at a pod's state."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Check = Callable[[], tuple[bool, Any]]
"""Returns (healthy, detail); the detail is sent as text, or as JSON if it is no text."""


class HealthEndpoint:
    """Serves GET requests, each path answered by one check.

    200 when the check says healthy, 503 when not, 404 for an unknown path. A
    check that raises counts as unhealthy, with the exception's text as detail.
    """

    def __init__(self, host: str, port: int, checks: dict[str, Check]) -> None:
        """Binds host:port at once (port 0: a free one, see `port`).

        Raises:
            OSError: the address cannot be bound.
        """
        self._server = ThreadingHTTPServer((host, port), _handler(checks))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.5},
            name="health",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_address[1]

    def start(self) -> None:
        """Begins to answer, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stops answering and frees the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _handler(checks: dict[str, Check]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a caller that sends nothing must not hold a thread for ever

        def do_GET(self) -> None:
            check = checks.get(self.path)
            if check is None:
                self._answer(404, f"no such path; try {' '.join(sorted(checks))}")
                return
            try:
                healthy, detail = check()
            except Exception as error:  # a probe must get an answer, whatever broke
                healthy, detail = False, f"{type(error).__name__}: {error}"
            self._answer(200 if healthy else 503, detail)

        def _answer(self, status: int, detail: Any) -> None:
            is_text = isinstance(detail, str)
            body = (detail if is_text else json.dumps(detail)).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: probes come every second and would drown the log."""

    return Handler
