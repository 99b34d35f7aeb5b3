"""A new embedded cluster for one test run, with its own network, state folder and kubeconfig."""

import dataclasses
import http.client
import os
import subprocess
from pathlib import Path
from typing import Self

from cluster.embedded.nodes.machine import kill_node
from cluster.lifecycle import existing_cluster
from cluster.programs.build import ensure
from tests.e2e import private_network

NAME = "local"
"""The name that built targets use (CLUSTER_NAME of cluster_constants.bzl); the state folder distinguishes it from the user's cluster."""

_NOT_NEEDED = ("docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "kubectl", "k3d", "kind")


def bazel_program(name: str) -> str:
    """Returns the path of a built program in this test's runfiles, given its path in the workspace."""
    return str(Path(os.environ["RUNFILES_DIR"]) / "turnup" / name)


@dataclasses.dataclass(frozen=True)
class Response:
    """An HTTP server's answer.

    Attributes:
      status: the status code.
      body: the body.
    """

    status: int
    body: bytes


class PrivateCluster:
    """A context manager that creates a cluster of two nodes and always deletes it at the end.

    Attributes:
      context: its context in the kubeconfig.
      kubeconfig: the path of this run's own kubeconfig.
      environ: the environment of commands on this cluster.
      namespace: the developer's namespace, which the built targets have.
      environment: the developer's environment.
      shared_environments: all other environments.
      shared_environment: the one of them that has built targets here.
    """

    context = f"turnup-{NAME}"

    def __init__(self, folder: Path) -> None:
        private_network.enter()
        self.kubeconfig = folder / "kubeconfig"
        self._state = folder / "state"
        self._calls = folder / "calls"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TURNUP_", "PYTHON"))},
            "PATH": f"{self._decoys(folder / 'decoys')}{os.pathsep}{os.environ['PATH']}",
            "KUBECONFIG": str(self.kubeconfig),
            "TURNUP_STATE_DIR": str(self._state),
        }
        constants = dict(line.split("=", 1) for line in Path(os.environ["CONSTANTS"]).read_text().split())
        self.namespace, self._registry = constants["namespace"], constants["registry"]
        self.environment, self.shared_environment = constants["environment"], constants["shared_environment"]
        self.shared_environments = [name for name in constants["environments"].split(",") if name != self.environment]

    def __enter__(self) -> Self:
        self.turnup("create", "--nodes", "2")
        return self

    def __exit__(self, *exception: object) -> None:
        self.turnup("delete")

    def _decoys(self, folder: Path) -> Path:
        """Creates a folder of programs that Turnup must not need: each records that it was called, and fails."""
        folder.mkdir()
        for name in _NOT_NEEDED:
            (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{self._calls}\nexit 1\n')
            (folder / name).chmod(0o755)
        return folder

    def foreign_calls(self) -> list[str]:
        """Returns the calls of container engines, their clients and kubectl so far, one line each."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def attempt(self, *command: str, stdin: str = "", timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a command on this cluster and returns its result, also if it failed."""
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=timeout_s, input=stdin, check=False)

    def start(self, *command: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE, stderr: int | None = None) -> subprocess.Popen[str]:
        """Starts a command on this cluster that runs until it is stopped."""
        return subprocess.Popen(command, env=self.environ, text=True, stdin=stdin, stdout=stdout, stderr=stderr)

    def run(self, *command: str, timeout_s: float = 600) -> str:
        """Runs a command that must succeed, and returns what it printed on both streams."""
        done = self.attempt(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def turnup(self, verb: str, *options: str) -> str:
        """Runs `turnup cluster VERB` for this cluster."""
        return self.run(bazel_program("tests/e2e/turnup_cluster"), verb, "--name", NAME, *options)

    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl of the embedded Kubernetes."""
        return self.run(*self.kubectl_words(), *arguments)

    def attempt_kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Runs kubectl and returns what it printed, also if it failed."""
        done = self.attempt(*self.kubectl_words(), *arguments, stdin=stdin)
        return done.stdout + done.stderr

    def kubectl_words(self) -> tuple[str, ...]:
        """Returns the beginning of a command line of kubectl for this cluster."""
        return (str(ensure().kubernetes / "kubectl"), "--context", self.context)

    def kill_node(self, number: int) -> None:
        """Kills a node's first process, and with it all of the node's processes (nodes count from 1)."""
        with existing_cluster(NAME, self._state) as found:
            kill_node(found, number)

    def registry_get(self, path: str) -> Response:
        """Sends GET to the registry of the cluster; see registry_request."""
        return self.registry_request("GET", path)

    def registry_request(self, method: str, path: str, **headers: str) -> Response:
        """Sends a request to the registry of the cluster, at the address in image references.

        Raises:
          OSError: the registry does not answer.
        """
        connection = http.client.HTTPConnection(self._registry, timeout=5)
        try:
            accept = "application/vnd.oci.image.manifest.v1+json"
            connection.request(method, path, headers={"Accept": accept, **headers})
            answer = connection.getresponse()
            return Response(answer.status, answer.read())
        finally:
            connection.close()
