"""The k3d provider: the same cluster as the embedded one, where Docker and k3d exist.

A Docker network with the cluster's subnet gives node 1 its fixed address, and
registries.yaml is mounted where k3s reads it. https://k3d.io/stable/usage/
"""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
from pathlib import Path

import yaml

from cluster import kubeconfig
from cluster.errors import ClusterError
from cluster.loading import load_on
from cluster.names import context_name
from cluster.progress import Progress
from cluster.registries import load_registries
from cluster.runner import Runner
from cluster.state import Cluster

__all__ = ["K3dProvider"]

_GET = {
    "docker": "install Docker from https://docs.docker.com/engine/install/",
    "k3d": "install k3d from https://k3d.io",
}
_INSIDE = "/etc/rancher/k3s/registries.yaml"


class K3dProvider:
    """Clusters of k3s nodes in Docker containers; see Provider in providers.py."""

    name = "k3d"

    def __init__(self, runner: Runner, progress: Progress) -> None:
        self._runner, self._progress = runner, progress

    def create(self, cluster: Cluster, registries: Path, retain: bool) -> None:
        """Creates the cluster; a failed one is removed again unless retain."""
        self._check_tools()
        load_registries(registries)  # k3s itself would start with a broken file
        cluster.save()
        copy = cluster.folder / "registries.yaml"
        shutil.copyfile(registries, copy)
        copy.chmod(0o600)
        try:
            with self._progress.step("Creating the Docker network"):
                self._make_network(cluster)
            with self._progress.step("Creating k3d nodes"):
                self._runner.run(self._create_command(cluster, copy))
                self._check_address(cluster)
            kubeconfig.merge(kubeconfig.user_path(), self.kubeconfig(cluster))
            dataclasses.replace(cluster, complete=True).save()
        except BaseException:
            if not retain:
                self.delete(cluster)
            raise

    def start(self, cluster: Cluster) -> None:
        """Starts the nodes' containers."""
        self._check_tools()
        with self._progress.step("Starting k3d nodes"):
            self._runner.run(["k3d", "cluster", "start", cluster.name, "--wait"])
            # Containers get addresses in the order in which they start.
            self._check_address(cluster)
        kubeconfig.merge(kubeconfig.user_path(), self.kubeconfig(cluster))

    def stop(self, cluster: Cluster) -> None:
        """Stops the nodes' containers; their data stays."""
        self._check_tools()
        self._runner.run(["k3d", "cluster", "stop", cluster.name])

    def delete(self, cluster: Cluster) -> None:
        """Removes nodes, network, kubeconfig entry and files."""
        self._check_tools()
        if self._facts(cluster):
            self._runner.run(["k3d", "cluster", "delete", cluster.name])
        if self._runner.run(["docker", "network", "inspect", self._network(cluster)], check=False).code == 0:
            self._runner.run(["docker", "network", "rm", self._network(cluster)])
        kubeconfig.remove(kubeconfig.user_path(), context_name(cluster.name))
        shutil.rmtree(cluster.folder)

    def state(self, cluster: Cluster) -> str:
        """running, stopped, or what of it is missing."""
        if not cluster.complete:
            return "incomplete"
        if any(not shutil.which(tool) for tool in _GET):
            return "unknown (docker or k3d is missing)"
        facts = self._facts(cluster)
        if not facts:
            return "gone"
        running = facts["serversRunning"] + facts["agentsRunning"]
        if running == cluster.nodes:
            return "running"
        return f"{running} of {cluster.nodes} nodes running" if running else "stopped"

    def healthy(self, cluster: Cluster) -> bool:
        """Whether all nodes' containers run."""
        return self.state(cluster) == "running"

    def kubeconfig(self, cluster: Cluster) -> kubeconfig.Access:
        """k3d's own kubeconfig, under our context's name."""
        content = yaml.safe_load(self._runner.run(["k3d", "kubeconfig", "get", cluster.name]).stdout)
        api, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        return kubeconfig.Access(
            context=context_name(cluster.name),
            server=api["server"],
            authority=base64.b64decode(api["certificate-authority-data"]),
            certificate=base64.b64decode(user["client-certificate-data"]),
            key=base64.b64decode(user["client-key-data"]),
        )

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Puts an archive's images on every node that lacks them; whether any did.

        Straight into each node's containerd: `k3d image import` ends well even
        where a node refused the image.
        """
        self._check_tools()
        nodes = [["docker", "exec", "--interactive", node, "ctr", "--namespace", "k8s.io"] for node in self._nodes(cluster)]
        return load_on(self._runner, nodes, archive, reference)

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Each node's one log, fetched into the cluster's folder."""
        self._check_tools()
        found = {}
        for node in self._nodes(cluster):
            path = cluster.folder / f"{node}.log"
            answer = self._runner.run(["docker", "logs", "--tail", "10000", node])
            path.write_text(answer.stdout + answer.stderr)
            path.chmod(0o600)
            found[node] = {"k3s": path}
        return found

    def _check_tools(self) -> None:
        for tool, cure in _GET.items():
            if not shutil.which(tool):
                raise ClusterError(f"provider k3d needs {tool}, which is not on PATH: {cure}, or use --provider embedded, which needs neither")
        if self._runner.run(["docker", "info"], check=False).code != 0:
            raise ClusterError("provider k3d needs a running Docker, and `docker info` gets no answer: start it, or use --provider embedded, which needs none")

    def _make_network(self, cluster: Cluster) -> None:
        layout = cluster.layout
        options = ["--driver", "bridge", "--subnet", cluster.subnet, "--gateway", str(layout.gateway)]
        answer = self._runner.run(["docker", "network", "create", *options, self._network(cluster)], check=False)
        if answer.code != 0:
            reason = answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "it gave no reason"
            raise ClusterError(f"Docker cannot make a network with subnet {cluster.subnet} ({reason}): choose another with --subnet, or `docker network rm` the one in the way")

    def _create_command(self, cluster: Cluster, registries: Path) -> list[str]:
        return [
            *("k3d", "cluster", "create", cluster.name),
            *("--servers", "1", "--agents", str(cluster.nodes - 1)),
            *("--network", self._network(cluster)),
            *("--volume", f"{registries}:{_INSIDE}@all"),
            # A load balancer would take an address, and there is one server.
            "--no-lb",
            *("--k3s-arg", "--disable=traefik@server:0"),
            # Our own merge leaves the user's current context alone.
            *("--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"),
            *("--wait", "--timeout", "120s"),
        ]

    def _check_address(self, cluster: Cluster) -> None:
        """Node 1 must have the address that images and registries.yaml name."""
        node, wanted = f"k3d-{cluster.name}-server-0", str(cluster.layout.address(1))
        networks = json.loads(self._runner.run(["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", node]).stdout)
        found = networks.get(self._network(cluster), {}).get("IPAddress", "no address")
        if found != wanted:
            raise ClusterError(f"node {node} got {found} instead of {wanted}: disconnect other containers from Docker network {self._network(cluster)} and try again")

    def _facts(self, cluster: Cluster) -> dict | None:
        """k3d's own facts about the cluster, or None when it has none of that name."""
        answer = self._runner.run(["k3d", "cluster", "list", cluster.name, "--output", "json"], check=False)
        return next((found for found in json.loads(answer.stdout or "[]") if found["name"] == cluster.name), None) if answer.code == 0 else None

    @staticmethod
    def _network(cluster: Cluster) -> str:
        return f"turnup-{cluster.name}"

    @staticmethod
    def _nodes(cluster: Cluster) -> list[str]:
        return [f"k3d-{cluster.name}-server-0", *(f"k3d-{cluster.name}-agent-{number}" for number in range(cluster.nodes - 1))]
