"""An HTTP service that greets."""

import http.server
import os
import signal
import threading
import urllib.parse


def greeting(query: str) -> str:
    """Returns the text for the query of a URL, such as `name=Ada`."""
    names = urllib.parse.parse_qs(query).get("name", ["world"])
    return f"Hello, {names[0]}!\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET: /healthz for probes, and a greeting otherwise."""

    def do_GET(self) -> None:
        """Answers a request."""
        url = urllib.parse.urlsplit(self.path)
        body = ("ok\n" if url.path == "/healthz" else greeting(url.query)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serves until SIGTERM."""
    server = http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
