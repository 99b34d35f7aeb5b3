"""The embedded provider: clusters whose nodes are Linux namespaces of this machine.

To create and to start a cluster, it runs a list of steps, one file each in steps/.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.embedded.api.access import access
from cluster.embedded.api.client import ApiClient, ApiError
from cluster.embedded.nodes import network
from cluster.embedded.nodes.cgroups import Cgroups, find_cgroups
from cluster.embedded.nodes.machine import ctr, kill_node, node_pid, stop_node
from cluster.embedded.steps import (
    apply_addons,
    build_programs,
    check_machine,
    import_images,
    merge_kubeconfig,
    renew_credentials,
    start_nodes,
    wait_api,
    wait_dns,
    wait_nodes,
    write_credentials,
)
from cluster.embedded.steps.context import Context
from cluster.images.loading import load_on
from cluster.images.registries import Registries, cluster_registries, write_registries
from cluster.model import kubeconfig
from cluster.model.names import context_name
from cluster.model.state import Cluster

__all__ = ["CREATE", "FREE_SPACE", "START", "EmbeddedProvider"]

CREATE = (check_machine, build_programs, write_credentials, start_nodes, import_images, wait_api, apply_addons, wait_nodes, wait_dns, merge_kubeconfig)
START = (build_programs, renew_credentials, start_nodes, import_images, wait_api, apply_addons, wait_nodes, wait_dns, merge_kubeconfig)

# For the images, logs and etcd of a new cluster, without the users' own data.
FREE_SPACE = 2_000_000_000  # bytes


class EmbeddedProvider:
    """Clusters whose nodes are Linux namespaces of this machine; see Provider in providers.py."""

    name = "embedded"

    def __init__(self, runner: Runner, progress: Progress, free_space: int = FREE_SPACE) -> None:
        self._runner, self._progress, self._free_space = runner, progress, free_space

    def create(self, cluster: Cluster, registries: Path | None, retain: bool) -> None:
        """Creates the cluster; removes it again if that fails, unless retain is set."""
        _need_root("create")
        settings = cluster_registries(cluster.layout, registries)
        cluster.save()
        try:
            write_registries(cluster.registries, settings)
            self._run(CREATE, cluster, settings)
            dataclasses.replace(cluster, complete=True).save()
        except BaseException:
            if retain:
                self._progress.say(
                    f"the incomplete cluster is in {cluster.folder}; inspect it with `./turnup cluster logs --name {cluster.name}`, "
                    f"then run `./turnup cluster delete --name {cluster.name}`"
                )
            else:
                self.delete(cluster)
            raise

    def start(self, cluster: Cluster) -> None:
        """Starts the nodes that are down."""
        _need_root("start")
        self._run(START, cluster, cluster_registries(cluster.layout, cluster.registries))

    def stop(self, cluster: Cluster) -> None:
        """Stops the processes of all nodes; keeps data, addresses and images."""
        _need_root("stop")
        # Stop all nodes at once, so that pods on every node have the same time to terminate.
        with ThreadPoolExecutor(max_workers=cluster.nodes) as pool:
            for work in [pool.submit(stop_node, cluster, number) for number in cluster.layout.numbers]:
                work.result()
        self._release(cluster)

    def delete(self, cluster: Cluster) -> None:
        """Kills the nodes and removes everything that belongs to the cluster."""
        _need_root("delete")
        for number in cluster.layout.numbers:
            kill_node(cluster, number)
        self._release(cluster)
        kubeconfig.remove(kubeconfig.user_path(), context_name(cluster.name))
        shutil.rmtree(cluster.folder)

    def state(self, cluster: Cluster) -> str:
        """Returns running, stopped, or what is missing."""
        if not cluster.complete:
            return "incomplete"
        running = [number for number in cluster.layout.numbers if node_pid(cluster, number)]
        if len(running) == cluster.nodes:
            return "running"
        return f"{len(running)} of {cluster.nodes} nodes running" if running else "stopped"

    def healthy(self, cluster: Cluster) -> bool:
        """Returns whether all nodes run and are Ready."""
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
        """Returns the administrator's access."""
        return access(cluster)

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Loads an archive's images onto every node that lacks them; see Provider.load_image."""
        _need_root("load-image")
        pids = []
        for number in cluster.layout.numbers:
            pid = node_pid(cluster, number)
            if pid is None:
                raise ClusterError(f"node {cluster.layout.node(number)} is down; start it with `./turnup cluster start --name {cluster.name}`")
            pids.append(pid)
        return load_on(self._runner, [ctr(pid) for pid in pids], archive, reference)

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Returns the log files: node → program → file."""
        found = {}
        for number in cluster.layout.numbers:
            files = sorted(cluster.logs(number).glob("*.log")) if cluster.logs(number).is_dir() else []
            found[cluster.layout.node(number)] = {path.stem: path for path in files}
        return found

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
        """Removes what stopped nodes leave behind on the machine."""
        cgroups = self._cgroups(cluster)
        cgroups.kill()
        network.remove_links(self._runner, cluster.layout)
        cgroups.remove()


def _need_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise ClusterError(f"`cluster {verb}` needs root for namespaces and network interfaces; run it as root (for example with sudo)")
