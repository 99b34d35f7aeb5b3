"""HTTP endpoint for Kubernetes probes and for a pod's status."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Check = Callable[[], tuple[bool, Any]]
"""Returns (healthy, detail); the detail is sent as text, or as JSON if it is not a string."""


class HealthEndpoint:
    """HTTP server with one check per path.

    It responds 200 if the check is healthy, 503 if not, and 404 for an unknown
    path. A check that raises is unhealthy, with the exception's text as detail.
    """

    def __init__(self, host: str, port: int, checks: dict[str, Check]) -> None:
        """Binds the address.

        Args:
            host: address to listen on; "" for all.
            port: port to listen on; 0 for a free one, see `port`.
            checks: map of path to check.

        Raises:
            OSError: the address can't be bound.
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
        """Port that the endpoint listens on."""
        return self._server.server_address[1]

    def start(self) -> None:
        """Starts to respond, in its own thread."""
        self._thread.start()

    def close(self) -> None:
        """Stops responding and frees the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _handler(checks: dict[str, Check]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a client that sends nothing must not occupy a thread forever

        def do_GET(self) -> None:
            check = checks.get(self.path)
            if check is None:
                self._respond(404, f"unknown path; use one of {' '.join(sorted(checks))}")
                return
            try:
                healthy, detail = check()
            except Exception as error:  # noqa: BLE001  # a probe must get a response, whatever fails
                healthy, detail = False, f"{type(error).__name__}: {error}"
            self._respond(200 if healthy else 503, detail)

        def _respond(self, status: int, detail: Any) -> None:
            is_text = isinstance(detail, str)
            body = (detail if is_text else json.dumps(detail)).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in http.server
            """Logs nothing, because probes arrive every second."""

    return Handler
