"""Repository and cluster of the benchmarks: the cluster is created when needed and always deleted."""

import contextlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self, TypeVar

from cluster.model.constants import constants
from cluster.model.names import context_name
from cluster.programs.build import ensure

T = TypeVar("T")

CLUSTER = "bench"
SUBNET = "172.19.0.192/26"
"""Apart from the default cluster's, so that both can run."""


class BenchError(Exception):
    """A benchmark can't run; the text is one sentence for the user."""


class Workspace:
    """Runs turnup, bazel and kubectl with the benchmark's own cluster and kubeconfig.

    Use it as a context manager, which deletes the cluster at the end.

    Attributes:
        directory: root of the repository.
        stack: label of the sample in the developer's environment, without a verb. With the suffix `-deep` it is the whole stack.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stack = f"//svc:{constants(directory / 'cluster_constants.bzl', {}).developer_environment}"
        self._scratch = tempfile.TemporaryDirectory(prefix="turnup-bench-")
        self.kubeconfig = Path(self._scratch.name) / "kubeconfig"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("RUNFILES", "BUILD_W", "TURNUP_"))},
            "KUBECONFIG": str(self.kubeconfig),
            "TURNUP_CLUSTER": CLUSTER,
            "TURNUP_SUBNET": SUBNET,
        }
        self._has_cluster = False
        self._entered = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._entered.close()
        self.delete_cluster()
        self._scratch.cleanup()

    def enter(self, context: contextlib.AbstractContextManager[T]) -> T:
        """Enters a context that several rows use, and exits it with the workspace."""
        return self._entered.enter_context(context)

    def run(self, *command: str, timeout_s: float = 900, input_text: str | None = None) -> str:
        """Runs a command in the repository and returns its standard output.

        Raises:
            BenchError: the command failed; the text has its last lines.
        """
        done = subprocess.run(
            command, cwd=self.directory, env=self._environment, capture_output=True, text=True, timeout=timeout_s, input=input_text, check=False
        )
        if done.returncode != 0:
            tail = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
            raise BenchError(f"{' '.join(command)}: exit {done.returncode}: {tail}")
        return done.stdout

    def timed(self, *command: str, **options: object) -> float:
        """Runs a command and returns its duration in seconds."""
        start = time.monotonic()
        self.run(*command, **options)
        return time.monotonic() - start

    def turnup(self, *arguments: str) -> str:
        """Runs ./turnup with arguments and returns its standard output."""
        return self.run("./turnup", *arguments)

    def kubectl(self, *arguments: str, **options: object) -> str:
        """Runs kubectl with the benchmark's cluster and returns its standard output."""
        return self.run(str(ensure().kubernetes / "kubectl"), "--context", context_name(CLUSTER), *arguments, **options)

    def create_cluster(self) -> float:
        """Creates the cluster (two nodes) and returns the seconds until it is ready."""
        self.delete_cluster()
        self._has_cluster = True
        return self.timed("./turnup", "cluster", "create", "--name", CLUSTER, "--subnet", SUBNET, "--nodes", "2")

    def delete_cluster(self) -> None:
        """Deletes the cluster if this run created one."""
        if self._has_cluster:
            self.turnup("cluster", "delete", "--name", CLUSTER)
            self._has_cluster = False

    def ready_cluster(self) -> None:
        """Creates the cluster if there is none, applies //prod:setup and builds everything."""
        if not self._has_cluster:
            self.create_cluster()
            self.run("bazel", "build", "//prod:setup.apply", f"{self.stack}-deep.apply", f"{self.stack}-deep.delete")
            self.run("bazel", "run", "//prod:setup.apply", "--", "--wait")
