"""Public registry as a child process on a free port of this machine; tests read its log."""

import contextlib
import json
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

_DEADLINE_S = 15.0


class RealRegistry:
    """The distribution project's registry, version 2.8 or 3, which have the same configuration.

    Use it as a context manager, or call start and stop.

    Attributes:
        name: HOST:PORT.

    Args:
        program: path of the registry.
        folder: folder for configuration, storage and log.
        settings: more sections of the configuration.
        tls: folder with server.crt, server.key and the ca.crt that signed them; None for plain HTTP.
    """

    def __init__(self, program: Path, folder: Path, settings: dict[str, Any] | None = None, tls: Path | None = None) -> None:
        self.folder = folder
        self.program = program
        self._context = ssl.create_default_context(cafile=str(tls / "ca.crt")) if tls else None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.name = f"127.0.0.1:{probe.getsockname()[1]}"
        http: dict[str, Any] = {"addr": self.name}
        if tls:
            http["tls"] = {"certificate": str(tls / "server.crt"), "key": str(tls / "server.key")}
        config = {
            "version": "0.1",
            "log": {"accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": http,
            **(settings or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yml").write_text(json.dumps(config))  # JSON is valid YAML
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self) -> list[str]:
        """Returns the command line that starts it."""
        return [str(self.program), "serve", str(self.folder / "config.yml")]

    def start(self) -> None:
        """Starts the registry and waits until it responds; fails with its log after 15 s."""
        environment = {"OTEL_TRACES_EXPORTER": "none", "HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + _DEADLINE_S
        while not self._answers():
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.02)

    def _answers(self) -> bool:
        url = f"{'https' if self._context else 'http'}://{self.name}/v2/"
        try:
            with urllib.request.urlopen(url, timeout=1, context=self._context):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 401  # it requires a login
        except OSError:
            return False

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stops the registry, by default gracefully, and waits until it has exited."""
        if self.process:
            self.process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_DEADLINE_S)
            self.process.kill()
            self.process.wait()
            self.process = None

    def requests(self, method: str) -> list[str]:
        """Returns the paths of requests with a method since the last call for that method."""
        lines = (self.folder / "log").read_text().splitlines()
        marker = self.folder / f"seen.{method}"
        seen = int(marker.read_text()) if marker.exists() else 0
        marker.write_text(str(len(lines)))
        return [line.split(f'"{method} ')[1].split(" ")[0] for line in lines[seen:] if f'"{method} ' in line]
