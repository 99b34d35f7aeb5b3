"""What keeps the pods of a running cluster apart from this machine and from each other.

The facts are those of the running nodes, so a cluster that an older version started shows what it lacks.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cluster.common.process import Runner
from cluster.embedded.nodes import firewall
from cluster.embedded.nodes.machine import node_pid
from cluster.model.state import Cluster

__all__ = ["cluster_rows"]

_STANDARDS = ("baseline", "restricted")


def cluster_rows(runner: Runner, cluster: Cluster, proc: Path = Path("/proc")) -> list[dict[str, object]]:
    """Returns rows about a cluster, with the keys of those of `turnup doctor`; none if it does not run.

    Args:
        runner: runs iptables.
        cluster: the cluster.
        proc: where proc is mounted.
    """
    pids = [pid for number in cluster.layout.numbers if (pid := node_pid(cluster, number))]
    first = node_pid(cluster, 1)
    if not pids or first is None:
        return []
    kubelet, admission = (_read(proc / str(first) / "root/etc/turnup" / name) for name in ("kubelet.json", "admission.json"))
    standard = _standard(admission)
    most = kubelet.get("podPidsLimit", 0)
    own = sum(_namespace(proc / str(pid)) != _namespace(proc / "self") for pid in pids)
    ports = f", and its ports {', '.join(map(str, cluster.host_ports))}" if cluster.host_ports else ""
    firewalled = firewall.is_protected(runner, cluster.layout)
    logged = (cluster.logs(1) / "audit.log").exists()
    facts = (
        ("pod security", f"{standard or 'privileged'}, if a namespace says nothing", "baseline", standard in _STANDARDS),
        ("bounds", f"{cluster.share} % of the machine; {most or 'any number of'} processes a pod", "a limit", bool(most)),
        ("network", f"pods reach the cluster{ports}, and nothing else" if firewalled else "no rules for its bridge", "firewall rules", firewalled),
        ("cgroups", f"{own} of {cluster.nodes} nodes see only their own", "own namespaces", own == len(pids)),
        ("audit", "writes are logged, without bodies" if logged else "no log", "audit.log", logged),
    )
    again = f"./turnup cluster stop --name {cluster.name}; ./turnup cluster start --name {cluster.name}"
    return [
        {
            "tool": f"{cluster.name}: {what}",
            "found": said,
            "path": "" if holds else str(cluster.folder),
            "wanted": wanted,
            "ok": holds,
            "needed": False,
            "get": "" if holds else again,
        }
        for what, said, wanted, holds in facts
    ]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _standard(admission: dict[str, Any]) -> str:
    """Returns the pod security standard of namespaces that say nothing; "" for none."""
    plugins = admission.get("plugins") or []
    configured = next((plugin.get("configuration") or {} for plugin in plugins if plugin.get("name") == "PodSecurity"), {})
    return str((configured.get("defaults") or {}).get("enforce") or "")


def _namespace(process: Path) -> str:
    """Returns what identifies the cgroup namespace of a process."""
    try:
        return os.readlink(process / "ns/cgroup")
    except OSError:
        return ""
