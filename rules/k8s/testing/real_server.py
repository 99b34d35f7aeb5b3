"""A real kube-apiserver on etcd, for tests: no nodes, no controllers, only the API.

with RealServer(Path("kube-apiserver"), Path("etcd"), tmp_path) as server:
server.kubeconfig   # a kubeconfig with the context `turnup-test`
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CONTEXT = "turnup-test"
_START_SECONDS = 90
_WRITING = ("create", "update", "patch", "delete", "deletecollection")


class RealServer:
    """A kube-apiserver and an etcd on free loopback ports, as a context manager.

    Args:
        apiserver: the kube-apiserver program.
        etcd: the etcd program.
        folder: empty folder for data, certificates and logs.
        flags: more flags of kube-apiserver.
    """

    def __init__(self, apiserver: Path, etcd: Path, folder: Path, flags: Sequence[str] = ()):
        self._apiserver = apiserver
        self._etcd = etcd
        self._folder = folder
        self._flags = flags
        self._processes: list[subprocess.Popen[bytes]] = []
        self._token = secrets.token_hex(16)
        self.kubeconfig = folder / "kubeconfig"
        self.audit_log = folder / "audit.log"
        self.url = ""

    def __enter__(self) -> Self:
        try:
            client_port, peer_port, port = _free_ports(3)
            etcd_url = f"http://127.0.0.1:{client_port}"
            self._start(
                "etcd",
                [
                    str(self._etcd),
                    "--data-dir",
                    str(self._folder / "etcd"),
                    "--unsafe-no-fsync",
                    "--listen-client-urls",
                    etcd_url,
                    "--advertise-client-urls",
                    etcd_url,
                    "--listen-peer-urls",
                    f"http://127.0.0.1:{peer_port}",
                    "--initial-advertise-peer-urls",
                    f"http://127.0.0.1:{peer_port}",
                    "--initial-cluster",
                    f"default=http://127.0.0.1:{peer_port}",
                ],
            )
            key = self._folder / "sa.key"
            subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
            (self._folder / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
            policy = {
                "apiVersion": "audit.k8s.io/v1",
                "kind": "Policy",
                "omitStages": ["RequestReceived"],
                "rules": [{"level": "Metadata", "users": ["admin"]}, {"level": "None"}],
            }
            (self._folder / "audit.json").write_text(json.dumps(policy))
            self._start(
                "kube-apiserver",
                [
                    str(self._apiserver),
                    "--etcd-servers",
                    etcd_url,
                    "--cert-dir",
                    str(self._folder / "certs"),
                    "--secure-port",
                    str(port),
                    "--bind-address",
                    "127.0.0.1",
                    "--advertise-address",
                    "127.0.0.1",
                    "--service-cluster-ip-range",
                    "10.43.0.0/16",
                    "--token-auth-file",
                    str(self._folder / "tokens.csv"),
                    "--authorization-mode",
                    "RBAC",
                    "--service-account-key-file",
                    str(key),
                    "--service-account-signing-key-file",
                    str(key),
                    "--service-account-issuer",
                    "https://test",
                    "--disable-admission-plugins",
                    "ServiceAccount",
                    "--audit-policy-file",
                    str(self._folder / "audit.json"),
                    "--audit-log-path",
                    str(self.audit_log),
                    *self._flags,
                ],
            )
            self.url = f"https://127.0.0.1:{port}"
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.write_kubeconfig(self.kubeconfig)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()

    def write_kubeconfig(self, path: Path, context: str = CONTEXT) -> None:
        """Writes a kubeconfig with one context of this server."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": "real", "cluster": {"server": self.url, "certificate-authority": str(self._certificate())}}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": context, "context": {"cluster": "real", "user": "admin"}}],
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Makes the server accept connections without answering for a while, as behind a network that drops packets."""
        self._processes[-1].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._processes[-1].send_signal(signal.SIGCONT)

    def audit(self) -> list[dict[str, Any]]:
        """Returns the audit events of the admin's requests so far, oldest first (audit.k8s.io/v1, level Metadata)."""
        # The server may not have finished writing the last line.
        lines = self.audit_log.read_text().splitlines(keepends=True) if self.audit_log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def writes(self) -> int:
        """Returns how many writing requests (including dry runs) the admin has sent."""
        return sum(event["verb"] in _WRITING for event in self.audit())

    def changes(self) -> int:
        """Returns how many of them change something: neither dry runs nor access reviews."""
        return sum(
            event["verb"] in _WRITING and "dryRun=All" not in event["requestURI"] and "selfsubjectaccessreviews" not in event["requestURI"]
            for event in self.audit()
        )

    def _certificate(self) -> Path:
        return self._folder / "certs" / "apiserver.crt"

    def _start(self, name: str, command: list[str]) -> None:
        # The programs end with the test, even if it is killed.
        command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with open(self._folder / f"{name}.log", "wb") as log:
            self._processes.append(
                subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder)})
            )

    def _wait(self) -> None:
        """Waits until the server is ready; shows the end of its log if it does not become ready."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self._processes):
                break
            try:
                context = ssl.create_default_context(cafile=str(self._certificate()))
                request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {self._token}"})
                with urllib.request.urlopen(request, context=context, timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        logs = "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}" for path in self._folder.glob("*.log"))
        raise RuntimeError(f"the API server is not ready:\n{logs}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports
