"""Provides volumes on one node's disk: for clusters that have no storage class.

A pod of a DaemonSet on each node. The scheduler writes the chosen node into a
claim; that node's provisioner makes a folder and the PersistentVolume for it,
and removes both when the claim is gone.
"""

import http.client
import json
import logging
import os
import shutil
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prod.storage.plan import plan
from python.common import logs, stopping

log = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EVERY_S = 1.0
_VOLUMES = "/api/v1/persistentvolumes"


class ApiError(RuntimeError):
    """The API server refused; the text names the request."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Asks the API server in the name of the pod's service account."""

    def __init__(self, host: str, port: int, account: Path = ACCOUNT) -> None:
        """Args:
        host: the API server.
        port: its port.
        account: folder with ca.crt and token.
        """
        self._address = (host, port)
        self._account = account
        self._context = ssl.create_default_context(cafile=account / "ca.crt")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Sends one request and returns the decoded answer.

        Raises:
            ApiError: it was refused.
            OSError: the server cannot be reached.
        """
        connection = http.client.HTTPSConnection(*self._address, timeout=10, context=self._context)
        token = (self._account / "token").read_text().strip()  # renewed now and then: read it each time
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from None
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(f"{method} {path}: {answer.status} {answer.reason}", answer.status)
        return json.loads(text)


class Provisioner:
    """Does one node's work; call `round` again and again."""

    def __init__(self, api: Api, node: str, folder: str, root: Path = Path("/")) -> None:
        """Args:
        api: the API server.
        node: this node's name.
        folder: absolute path of the volumes' folders on the node.
        root: where the node's file system is seen from here (tests: another folder).
        """
        self._api = api
        self._node = node
        self._folder = folder
        self._root = root

    def round(self) -> None:
        """Makes and removes what is due now.

        Raises:
            ApiError, OSError: something was refused; the next round tries again.
        """
        # From the server's cache: asked every second by every node.
        claims = self._api.request("GET", "/api/v1/persistentvolumeclaims?resourceVersion=0")
        volumes = self._api.request("GET", f"{_VOLUMES}?resourceVersion=0")
        work = plan(claims["items"], volumes["items"], self._node, self._folder)
        for volume in work.make:
            self._make(volume)
        for volume in work.remove:
            self._remove(volume)

    def _path(self, volume: dict[str, Any]) -> Path:
        # Not the path in the volume: one that was edited must not remove somebody else's data.
        return self._root / self._folder.lstrip("/") / volume["metadata"]["name"]

    def _make(self, volume: dict[str, Any]) -> None:
        path = self._path(volume)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # kubelet makes it for all to enter; pods get the volume itself, which is mounted by root
        path.mkdir(exist_ok=True)
        path.chmod(0o777)  # whichever user the pod runs as
        try:
            self._api.request("POST", _VOLUMES, volume)
        except ApiError as error:
            if error.status != 409:  # made by an earlier round that the cache does not show yet
                raise
            return
        log.info("made %s for %s", volume["metadata"]["name"], volume["spec"]["claimRef"]["name"])

    def _remove(self, volume: dict[str, Any]) -> None:
        name = volume["metadata"]["name"]
        shutil.rmtree(self._path(volume), ignore_errors=False, onerror=_unless_gone)
        try:
            self._api.request("DELETE", f"{_VOLUMES}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return
        log.info("removed %s", name)


def _unless_gone(_function: object, _path: str, failure: Any) -> None:
    if not isinstance(failure[1], FileNotFoundError):
        raise failure[1]


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Works until SIGTERM; returns the exit code (2: a variable is missing)."""
    logs.configure()
    wanted = ("NODE_NAME", "VOLUMES_DIR", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    missing = [name for name in wanted if not env.get(name)]
    if missing:
        print(f"ERROR: storage: {' and '.join(missing)} must be set; the manifest does", file=sys.stderr)
        return 2
    node, folder, host, port = (env[name] for name in wanted)
    stopping_event = stopping.stop_event()
    provisioner = Provisioner(Api(host, int(port)), node, folder)
    log.info("providing volumes in %s on %s", folder, node)
    last = ""
    while not stopping_event.is_set():
        try:
            provisioner.round()
            last = ""
        except (ApiError, OSError) as error:
            if str(error) != last:  # say it once, not every second
                log.warning("%s", error)
            last = str(error)
        stopping_event.wait(EVERY_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
