"""Provisioner of volumes on a node's disk, for clusters without a default storage class.

A DaemonSet runs it on each node. When the scheduler has written the chosen node
into a claim, that node's provisioner creates a folder and a PersistentVolume for
the claim. It deletes both when the claim is gone.
"""

import http.client
import json
import logging
import os
import shutil
import signal
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prod.storage.plan import plan

log = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EVERY_S = 1.0
_VOLUMES = "/api/v1/persistentvolumes"


class ApiError(RuntimeError):
    """The API server rejected a request; the text names the request.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        """Keeps the message and the HTTP status."""
        super().__init__(message)
        self.status = status


class Api:
    """Client of the API server with the pod's service account."""

    def __init__(self, host: str, port: int, account: Path = ACCOUNT) -> None:
        """Loads the certificate of the API server's authority.

        Args:
            host: host of the API server.
            port: port of the API server.
            account: folder with the service account's ca.crt and token.
        """
        self._address = (host, port)
        self._account = account
        self._context = ssl.create_default_context(cafile=account / "ca.crt")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Sends one request.

        Args:
            method: HTTP method.
            path: path and query.
            body: object to send as JSON; None for no body.

        Returns:
            The decoded JSON response.

        Raises:
            ApiError: the server rejected the request.
            OSError: the server does not answer.
        """
        connection = http.client.HTTPSConnection(*self._address, timeout=10, context=self._context)
        # The kubelet rotates the token, so it is read each time.
        token = (self._account / "token").read_text().strip()
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
    """Provisioner of one node; its `reconcile` is called periodically."""

    def __init__(self, api: Api, node: str, folder: str, root: Path = Path("/")) -> None:
        """Keeps the node's settings.

        Args:
            api: client of the API server.
            node: the name of this node.
            folder: absolute path of the folder on the node that contains one folder per volume.
            root: folder where the node's file system is mounted.
        """
        self._api = api
        self._node = node
        self._folder = folder
        self._root = root

    def reconcile(self) -> None:
        """Creates and deletes the volumes that are due now.

        Raises:
            ApiError: the API server rejected a request; the next call tries again.
            OSError: the API server does not answer, or the file system refused; the next call tries again.
        """
        # resourceVersion=0 reads from the server's cache, because every node asks every second.
        claims = self._api.request("GET", "/api/v1/persistentvolumeclaims?resourceVersion=0")
        volumes = self._api.request("GET", f"{_VOLUMES}?resourceVersion=0")
        work = plan(claims["items"], volumes["items"], self._node, self._folder)
        for volume in work.create:
            self._create(volume)
        for volume in work.delete:
            self._delete(volume)

    def _path(self, volume: dict[str, Any]) -> Path:
        # The path in the volume is not trusted: an edited one must not delete other data.
        name: str = volume["metadata"]["name"]
        return self._root / self._folder.lstrip("/") / name

    def _create(self, volume: dict[str, Any]) -> None:
        path = self._path(volume)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # the kubelet creates it world-readable; pods need no access, because root mounts the volume
        path.mkdir(exist_ok=True)
        path.chmod(0o777)  # pods may run as any user
        try:
            self._api.request("POST", _VOLUMES, volume)
        except ApiError as error:
            if error.status != 409:  # an earlier call created it, and the server's cache does not have it yet
                raise
            return
        log.info("created %s for %s", volume["metadata"]["name"], volume["spec"]["claimRef"]["name"])

    def _delete(self, volume: dict[str, Any]) -> None:
        name = volume["metadata"]["name"]
        shutil.rmtree(self._path(volume), ignore_errors=False, onerror=_unless_gone)
        try:
            self._api.request("DELETE", f"{_VOLUMES}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
            return
        log.info("deleted %s", name)


def _unless_gone(_function: object, _path: str, failure: Any) -> None:
    if not isinstance(failure[1], FileNotFoundError):
        raise failure[1]


def configure_logging() -> None:
    """Sends log records to stderr with their time in UTC."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def run(provisioner: Provisioner, stop: threading.Event) -> None:
    """Reconciles every EVERY_S seconds until `stop` is set, and logs each new error once."""
    last = ""
    while not stop.is_set():
        try:
            provisioner.reconcile()
            last = ""
        except (ApiError, OSError) as error:
            if str(error) != last:  # log it once, not every second
                log.warning("%s", error)
            last = str(error)
        stop.wait(EVERY_S)


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Runs the provisioner until SIGTERM or SIGINT.

    Args:
        argv: arguments; there are none.
        env: environment variables.

    Returns:
        Exit code: 0, or 2 if a variable is missing.
    """
    configure_logging()
    required = ("NODE_NAME", "VOLUMES_DIR", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    missing = [name for name in required if not env.get(name)]
    if missing:
        print(f"ERROR: storage: {', '.join(missing)} not set; run this program in the pod of storage.jsonnet", file=sys.stderr)
        return 2
    node, folder, host, port = (env[name] for name in required)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("provisioning volumes in %s on node %s", folder, node)
    run(Provisioner(Api(host, int(port)), node, folder), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
