"""The embedded provider: clusters of namespaces on this machine.

Creating and starting are lists of steps, one file each below steps/.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from cluster import kubeconfig
from cluster.constants import constants
from cluster.embedded import network
from cluster.embedded.access import access
from cluster.embedded.api import ApiClient, ApiError
from cluster.embedded.cgroups import Cgroups, find_cgroups
from cluster.embedded.context import Context
from cluster.embedded.machine import ctr, kill_node, node_pid, stop_node
from cluster.embedded.steps import (
    apply_addons,
    build_programs,
    check_machine,
    import_images,
    merge_kubeconfig,
    start_nodes,
    wait_api,
    wait_dns,
    wait_nodes,
    write_credentials,
)
from cluster.errors import ClusterError
from cluster.loading import load_on
from cluster.names import context_name
from cluster.progress import Progress
from cluster.registries import Registries, load_registries
from cluster.runner import Runner
from cluster.state import Cluster

__all__ = ["CREATE", "FREE_SPACE", "EmbeddedProvider", "START"]

CREATE = (check_machine, build_programs, write_credentials, start_nodes, import_images, wait_api, apply_addons, wait_nodes, wait_dns, merge_kubeconfig)
START = (build_programs, start_nodes, import_images, wait_api, apply_addons, wait_nodes, wait_dns, merge_kubeconfig)

# Images, logs and etcd of a young cluster; what users store comes on top.
FREE_SPACE = 2_000_000_000  # bytes


class EmbeddedProvider:
    """Clusters whose nodes are namespaces of this machine; see Provider in providers.py."""

    name = "embedded"

    def __init__(self, runner: Runner, progress: Progress, free_space: int = FREE_SPACE) -> None:
        self._runner, self._progress, self._free_space = runner, progress, free_space

    def create(self, cluster: Cluster, registries: Path, retain: bool) -> None:
        """Creates the cluster; a failed one is removed again unless retain."""
        _need_root("create")
        settings = self._registries(cluster, registries)
        cluster.save()
        try:
            shutil.copyfile(registries, cluster.folder / "registries.yaml")
            (cluster.folder / "registries.yaml").chmod(0o600)
            self._run(CREATE, cluster, settings)
            dataclasses.replace(cluster, complete=True).save()
        except BaseException:
            if retain:
                self._progress.note(f"kept as it is in {cluster.folder}: look with `./turnup cluster logs --name {cluster.name}`, then `./turnup cluster delete --name {cluster.name}`")
            else:
                self.delete(cluster)
            raise

    def start(self, cluster: Cluster) -> None:
        """Starts the nodes that do not run."""
        _need_root("start")
        self._run(START, cluster, self._registries(cluster, cluster.folder / "registries.yaml"))

    def stop(self, cluster: Cluster) -> None:
        """Ends all nodes' processes; data, addresses and images stay."""
        _need_root("stop")
        # All at once: what runs on them has the same time to end everywhere.
        with ThreadPoolExecutor(max_workers=cluster.nodes) as pool:
            for work in [pool.submit(stop_node, cluster, number) for number in cluster.layout.numbers]:
                work.result()
        self._release(cluster)

    def delete(self, cluster: Cluster) -> None:
        """Ends the nodes and removes all that belongs to the cluster."""
        _need_root("delete")
        for number in cluster.layout.numbers:
            kill_node(cluster, number)
        self._release(cluster)
        kubeconfig.remove(kubeconfig.user_path(), context_name(cluster.name))
        shutil.rmtree(cluster.folder)

    def state(self, cluster: Cluster) -> str:
        """running, stopped, or what of it is missing."""
        if not cluster.complete:
            return "incomplete"
        running = [number for number in cluster.layout.numbers if node_pid(cluster, number)]
        if len(running) == cluster.nodes:
            return "running"
        return f"{len(running)} of {cluster.nodes} nodes running" if running else "stopped"

    def healthy(self, cluster: Cluster) -> bool:
        """Whether all nodes run and are Ready."""
        if self.state(cluster) != "running":
            return False
        client = ApiClient(cluster)
        try:
            nodes = client.request("GET", "/api/v1/nodes")["items"]
        except ApiError:
            return False
        finally:
            client.close()
        return sum(wait_nodes.is_ready(node) for node in nodes) >= cluster.nodes

    def kubeconfig(self, cluster: Cluster) -> kubeconfig.Access:
        """The administrator's access."""
        return access(cluster)

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Puts an archive's images on every node that lacks them; whether any did."""
        _need_root("load-image")
        pids = {number: node_pid(cluster, number) for number in cluster.layout.numbers}
        for number, pid in pids.items():
            if pid is None:
                raise ClusterError(f"node {cluster.layout.node(number)} does not run: start it with `./turnup cluster start --name {cluster.name}`")
        return load_on(self._runner, [ctr(pid) for pid in pids.values()], archive, reference)

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Log files: node → program → file."""
        found = {}
        for number in cluster.layout.numbers:
            files = sorted(cluster.logs(number).glob("*.log")) if cluster.logs(number).is_dir() else []
            found[cluster.layout.node(number)] = {path.stem: path for path in files}
        return found

    def _registries(self, cluster: Cluster, path: Path) -> Registries:
        host = f"{cluster.layout.address(1)}:{constants().registry_port}"
        return load_registries(path).with_plain_http(host)

    def _cgroups(self, cluster: Cluster) -> Cgroups:
        return find_cgroups(cluster.layout.cgroup)

    def _run(self, steps: Iterable[ModuleType], cluster: Cluster, registries: Registries) -> None:
        context = Context(cluster, registries, self._cgroups(cluster), self._runner, self._progress, self._free_space)
        done = False
        try:
            for step in steps:
                with self._progress.step(step.TITLE):
                    step.execute(context)
            done = True
        finally:
            context.close(wait=done)

    def _release(self, cluster: Cluster) -> None:
        """Removes what ended nodes leave behind on the machine."""
        cgroups = self._cgroups(cluster)
        cgroups.kill()
        network.remove_links(self._runner, cluster.layout)
        cgroups.remove()


def _need_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise ClusterError(f"`cluster {verb}` makes namespaces and interfaces, which only root may: run it as root (for example through sudo)")
