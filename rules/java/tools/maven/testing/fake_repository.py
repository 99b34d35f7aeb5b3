"""A Maven repository in memory, served by HTTP on a loopback address, and the home folder of a user who has it as a mirror."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rules.java.tools.maven.coordinates import Coordinates


class FakeRepository:
    """A repository with the files that a test puts into it.

    Attributes:
        files: the bytes of each file, by path below the address.
        requests: the path of each request, with the value of its Range header if it has one.
        headers: the headers of each request.
        login: (user, password) that every request must send; None for no login.
        status: what each request is answered with instead of a file; 0 for none.
        cut: the number of bytes after which the next answer's connection ends; 0 for none.
        redirects: the address that each path redirects to.
        hold: called before each answer.
    """

    def __init__(self, login: tuple[str, str] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.login = login
        self.status = 0
        self.redirects: dict[str, str] = {}
        self.cut = 0
        self.hold: Callable[[], None] = lambda: None
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/maven"

    def put(self, text: str, dependencies: str = "", managed: str = "", content: bytes | None = None) -> bytes:
        """Publishes an artifact with its POM and both checksums.

        Args:
            text: the coordinates, GROUP:ARTIFACT:EXTENSION:CLASSIFIER:VERSION.
            dependencies: those of its POM, separated by spaces: GROUP:ARTIFACT:VERSION[:SCOPE].
            managed: the versions that its POM manages, likewise.
            content: the file; a jar with one class in a package of the artifact's name if None.

        Returns:
            the file's bytes.
        """
        where = Coordinates.parse(text)
        data = jar(where.artifact.replace("-", "_")) if content is None else content
        pom = Coordinates(where.group, where.artifact, "pom", "", where.version)
        self.publish(pom.path, _pom(where, dependencies, managed).encode())
        if where.extension != "pom":
            self.publish(where.path, data)
        return data

    def publish(self, path: str, data: bytes) -> None:
        """Puts a file and its checksum into the repository."""
        self.files[path] = data
        self.files[f"{path}.sha1"] = hashlib.sha1(data, usedforsecurity=False).hexdigest().encode()

    def home(self, folder: Path, extra: str = "", server: str = "") -> dict[str, str]:
        """Writes the settings of a user who has this repository as mirror of all others.

        Args:
            folder: the user's home folder.
            extra: more elements of settings.xml.
            server: elements of the mirror's server.

        Returns:
            the environment variables of that user.
        """
        (folder / ".m2").mkdir(parents=True, exist_ok=True)
        text = f"""<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">{extra}
          <mirrors><mirror><id>house</id><mirrorOf>*</mirrorOf><url>{self.url}</url></mirror></mirrors>
          <servers>{f"<server><id>house</id>{server}</server>" if server else ""}</servers></settings>"""
        (folder / ".m2/settings.xml").write_text(text)
        return {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache")}


def jar(package: str) -> bytes:
    """Returns a jar with one (empty) class file in a package."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{package}/Thing.class"), b"")
    return memory.getvalue()


def _pom(where: Coordinates, dependencies: str, managed: str) -> str:
    packaging = "pom" if where.extension == "pom" else "jar"
    return f"""<project><modelVersion>4.0.0</modelVersion><groupId>{where.group}</groupId><artifactId>{where.artifact}</artifactId>
      <version>{where.version}</version><packaging>{packaging}</packaging>
      <dependencyManagement><dependencies>{_dependencies(managed)}</dependencies></dependencyManagement>
      <dependencies>{_dependencies(dependencies)}</dependencies></project>"""


def _dependencies(text: str) -> str:
    found = ""
    for one in text.split():
        group, artifact, version, *scope = one.split(":")
        found += f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        found += f"<scope>{scope[0] if scope else 'compile'}</scope></dependency>"
    return found


def _handler(repository: FakeRepository) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers from the repository's files."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Sends a file, or the part of it that is asked for."""
            # A proxy gets the whole address.
            path, wanted = self.path.partition("/maven/")[2], self.headers.get("Range", "")
            repository.requests.append(f"{path} {wanted}".strip())
            repository.headers.append(dict(self.headers))
            repository.hold()
            data = repository.files.get(path)
            if repository.login and self.headers.get("Authorization") != _basic(*repository.login):
                self._send(401, b"", {"WWW-Authenticate": 'Basic realm="house"'})
            elif repository.status:
                self._send(repository.status, b"", {})
            elif path in repository.redirects:
                self._send(302, b"", {"Location": repository.redirects[path]})
            elif data is None:
                self._send(404, b"", {})
            elif wanted:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(data):
                    self._send(416, b"", {})
                else:
                    self._send(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})
            else:
                self._send(200, data, {})

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            cut, repository.cut = repository.cut, 0
            self.wfile.write(data[:cut] if cut else data)
            self.close_connection = bool(cut)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Keeps the test's output clean."""

    return Handler


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
