"""A fresh embedded cluster for one test run: own network, own state, own kubeconfig; gone afterwards."""

import dataclasses
import http.client
import os
import subprocess
from pathlib import Path

from cluster.embedded.nodes.machine import kill_node
from cluster.lifecycle import existing_cluster
from cluster.programs.build import ensure
from tests.e2e import private_network

NAME = "local"
"""The name that built targets expect (CLUSTER_NAME of cluster_constants.bzl); the state folder keeps it apart from the user's."""

_NOT_NEEDED = ("docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "kubectl", "k3d", "kind")


def bazel_program(name: str) -> str:
    """The path of a built program in this test's runfiles, by its path from the workspace root."""
    return str(Path(os.environ["RUNFILES_DIR"]) / "turnup" / name)


@dataclasses.dataclass(frozen=True)
class Response:
    """What an HTTP server answered: status code and body."""

    status: int
    body: bytes


class PrivateCluster:
    """Use as a context manager: creates a two-node cluster, deletes it at the end, whatever happened.

    Attributes:
      context: its name in the kubeconfig.
      kubeconfig: a file of this run only.
      namespace: the developer's namespace that the built targets carry.
    """

    context = f"turnup-{NAME}"

    def __init__(self, folder: Path) -> None:
        private_network.enter()
        self.kubeconfig = folder / "kubeconfig"
        self._state = folder / "state"
        self._calls = folder / "calls"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TURNUP_", "PYTHON"))},
            "PATH": f"{self._decoys(folder / 'decoys')}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(self.kubeconfig),
            "TURNUP_STATE_DIR": str(self._state),
        }
        constants = dict(line.split("=", 1) for line in Path(os.environ["CONSTANTS"]).read_text().split())
        self.namespace, self._registry = constants["myns"], constants["registry"]

    def __enter__(self) -> "PrivateCluster":
        self.turnup("create", "--nodes", "2")
        return self

    def __exit__(self, *exception: object) -> None:
        self.turnup("delete")

    def _decoys(self, folder: Path) -> Path:
        """Makes a folder of programs that Turnup must not need: each notes that it was called, and fails."""
        folder.mkdir()
        for name in _NOT_NEEDED:
            (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{self._calls}\nexit 1\n')
            (folder / name).chmod(0o755)
        return folder

    def foreign_calls(self) -> list[str]:
        """The calls so far of container engines, their clients and kubectl, by their names, a line each."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def attempt(self, *command: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a command against this cluster and returns how it ended."""
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Starts a command against this cluster that runs until it is told to stop; its stdout is a pipe."""
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)

    def run(self, *command: str, timeout_s: float = 600) -> str:
        """Runs a command that must succeed; returns what it printed on both streams."""
        done = self.attempt(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def turnup(self, verb: str, *options: str) -> str:
        """Runs `turnup cluster VERB` for this cluster."""
        return self.run(bazel_program("tests/e2e/turnup_cluster"), verb, "--name", NAME, *options)

    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl of the embedded Kubernetes."""
        return self.run(str(ensure().kubernetes / "kubectl"), "--context", self.context, *arguments)

    def kill_node(self, number: int) -> None:
        """Kills a node's first process, and with it all of the node's processes (nodes count from 1)."""
        with existing_cluster(NAME, self._state) as found:
            kill_node(found, number)

    def registry_get(self, path: str) -> Response:
        """GETs a path of the in-cluster registry, see registry_request."""
        return self.registry_request("GET", path)

    def registry_request(self, method: str, path: str) -> Response:
        """Asks the in-cluster registry at the address that images are named by.

        Raises:
          OSError: nothing answers there.
        """
        connection = http.client.HTTPConnection(self._registry, timeout=5)
        try:
            accept = "application/vnd.oci.image.manifest.v1+json"
            connection.request(method, path, headers={"Accept": accept})
            answer = connection.getresponse()
            return Response(answer.status, answer.read())
        finally:
            connection.close()
