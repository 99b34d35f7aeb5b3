"""The program of the registry in the cluster as a child process on a free port of this machine."""

import base64
import contextlib
import http.client
from pathlib import Path

from rules.image.tools.registry.auth import Login
from rules.image.tools.registry.registry import Registry
from tests.registries.real import RealRegistry

PROGRAM = Path("prod/registry/program/program").absolute()
LOGIN = Login("turnup", "correct-horse")


class ClusterRegistry(RealRegistry):
    """The registry in the cluster, as prod/registry/registry.jsonnet starts it; see RealRegistry.

    Args:
        folder: folder for storage, password and log.
        limit: the size of the storage.
        upload_age: the age at which unfinished uploads are removed.
    """

    def __init__(self, folder: Path, limit: str = "1Gi", upload_age: str = "1h") -> None:
        super().__init__(PROGRAM, folder)
        self._settings = [f"-limit={limit}", f"-upload-age={upload_age}", "-names=registry.registry.svc"]
        (folder / "password").write_text(LOGIN.password)

    def command(self) -> list[str]:
        """Returns the command line that starts it."""
        folders = [f"-storage={self.folder / 'data'}", f"-password-file={self.folder / 'password'}"]
        return [str(self.program), f"-listen={self.name}", *folders, *self._settings]

    def client(self, login: Login | None = LOGIN) -> Registry:
        """Returns a client that has a login."""
        return Registry(self.name, login=lambda _: login)

    def ask(self, method: str, path: str, body: bytes | None = None, login: Login | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Sends one request exactly as given; underscores in header names become dashes.

        Returns:
            (status, headers by their lower-case name, body).
        """
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        if login:
            lines["Authorization"] = "Basic " + base64.b64encode(f"{login.name}:{login.password}".encode()).decode()
        connection = http.client.HTTPConnection(self.name, timeout=20)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it answers before it has the whole body
                connection.request(method, path, body=body, headers=lines)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def stored(self) -> int:
        """Returns the bytes of all stored files."""
        return sum(path.stat().st_size for path in (self.folder / "data").rglob("*") if path.is_file())
