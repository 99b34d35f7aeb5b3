"""The k3d provider: the same cluster as the embedded one, on Docker and k3d (https://k3d.io/stable/usage/).

A Docker network with the cluster's subnet gives node 1 its fixed address, and registries.yaml is mounted where k3s reads it.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.images.loading import load_on
from cluster.images.registries import cluster_registries, write_registries
from cluster.model import kubeconfig
from cluster.model.names import context_name
from cluster.model.state import Cluster

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

    def create(self, cluster: Cluster, registries: Path | None, retain: bool) -> None:
        """Creates the cluster; removes it again if that fails, unless retain is set."""
        self._check_tools()
        settings = cluster_registries(cluster.layout, registries)  # k3s would start with an invalid file
        cluster.save()
        write_registries(cluster.registries, settings)
        try:
            with self._progress.step("Creating the Docker network"):
                self._make_network(cluster)
            with self._progress.step("Creating k3d nodes"):
                self._runner.run(self._create_command(cluster))
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
            # Docker gives containers their addresses in the order in which they start.
            self._check_address(cluster)
        kubeconfig.merge(kubeconfig.user_path(), self.kubeconfig(cluster))

    def stop(self, cluster: Cluster) -> None:
        """Stops the nodes' containers and keeps their data."""
        self._check_tools()
        self._runner.run(["k3d", "cluster", "stop", cluster.name])

    def delete(self, cluster: Cluster) -> None:
        """Removes the nodes, the network, the kubeconfig entry and the files."""
        self._check_tools()
        if self._facts(cluster):
            self._runner.run(["k3d", "cluster", "delete", cluster.name])
        if self._runner.run(["docker", "network", "inspect", self._network(cluster)], check=False).code == 0:
            self._runner.run(["docker", "network", "rm", self._network(cluster)])
        kubeconfig.remove(kubeconfig.user_path(), context_name(cluster.name))
        shutil.rmtree(cluster.folder)

    def state(self, cluster: Cluster) -> str:
        """Returns running, stopped, or what is missing."""
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
        """Returns whether the containers of all nodes run."""
        return self.state(cluster) == "running"

    def kubeconfig(self, cluster: Cluster) -> kubeconfig.Access:
        """Returns the access in k3d's own kubeconfig, with our name for the context."""
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
        """Loads an archive's images onto every node that lacks them; see Provider.load_image.

        Imports into each node's containerd, because `k3d image import` succeeds even if a node refuses the image.
        """
        self._check_tools()
        nodes = [["docker", "exec", "--interactive", node, "ctr", "--namespace", "k8s.io"] for node in self._nodes(cluster)]
        return load_on(self._runner, nodes, archive, reference)

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Returns each node's one log, after fetching it into the cluster's folder."""
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
        for tool, advice in _GET.items():
            if not shutil.which(tool):
                raise ClusterError(f"provider k3d needs {tool}, which is not on PATH; {advice}, or use --provider embedded, which needs neither")
        if self._runner.run(["docker", "info"], check=False).code != 0:
            raise ClusterError("provider k3d needs a running Docker, and `docker info` fails; start Docker, or use --provider embedded, which needs none")

    def _make_network(self, cluster: Cluster) -> None:
        layout = cluster.layout
        options = ["--driver", "bridge", "--subnet", cluster.subnet, "--gateway", str(layout.gateway)]
        answer = self._runner.run(["docker", "network", "create", *options, self._network(cluster)], check=False)
        if answer.code != 0:
            reason = answer.stderr.strip().splitlines()[-1] if answer.stderr.strip() else "no reason given"
            raise ClusterError(
                f"Docker could not create a network with subnet {cluster.subnet} ({reason}); "
                "choose another with --subnet, or remove the other network with `docker network rm`"
            )

    def _create_command(self, cluster: Cluster) -> list[str]:
        return [
            *("k3d", "cluster", "create", cluster.name),
            *("--servers", "1", "--agents", str(cluster.nodes - 1)),
            *("--network", self._network(cluster)),
            *("--volume", f"{cluster.registries}:{_INSIDE}@all"),
            # A load balancer would use an address, and there is only one server.
            "--no-lb",
            *("--k3s-arg", "--disable=traefik@server:0"),
            # merge() below adds the cluster without a change of the user's current context.
            *("--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"),
            *("--wait", "--timeout", "120s"),
        ]

    def _check_address(self, cluster: Cluster) -> None:
        """Checks that node 1 has the address that image references and registries.yaml use."""
        node, wanted = f"k3d-{cluster.name}-server-0", str(cluster.layout.address(1))
        networks = json.loads(self._runner.run(["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", node]).stdout)
        found = networks.get(self._network(cluster), {}).get("IPAddress", "no address")
        if found != wanted:
            raise ClusterError(
                f"node {node} got {found} instead of {wanted}; disconnect other containers from Docker network {self._network(cluster)} and try again"
            )

    def _facts(self, cluster: Cluster) -> dict[str, Any] | None:
        """Returns what k3d knows about the cluster; None if k3d has no cluster with that name."""
        answer = self._runner.run(["k3d", "cluster", "list", cluster.name, "--output", "json"], check=False)
        return next((found for found in json.loads(answer.stdout or "[]") if found["name"] == cluster.name), None) if answer.code == 0 else None

    @staticmethod
    def _network(cluster: Cluster) -> str:
        return f"turnup-{cluster.name}"

    @staticmethod
    def _nodes(cluster: Cluster) -> list[str]:
        return [f"k3d-{cluster.name}-server-0", *(f"k3d-{cluster.name}-agent-{number}" for number in range(cluster.nodes - 1))]
