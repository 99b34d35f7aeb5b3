"""The cluster's network on this machine: one bridge, one cable per node.

The bridge owns the subnet's first address; node N's end of its cable is eth0
in the node's own network namespace. Nothing else of the machine's network is
touched, with one exception: where Docker has the machine's firewall look at
bridged packets, it drops those that it does not know, and a rule for this
bridge alone lets nodes talk to each other.
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

from cluster.errors import ClusterError
from cluster.names import Layout
from cluster.runner import Runner

__all__ = ["check_free", "connect_node", "links", "make_bridge", "remove_links"]

# 1: bridged packets pass the machine's iptables.
_BRIDGE_FIREWALL = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


# A node's own firewall, before kube-proxy adds to it. Whatever leaves the pod
# network carries the node's address: nobody outside knows the way to a pod. A
# packet that still has a Service's address when it is routed came before
# kube-proxy: refused, its sender tries again at once; lost, a TCP connection
# would go on sending into nowhere for its whole timeout.
_RULES = """\
*nat
-A POSTROUTING -s {pods} ! -d {pods} -j MASQUERADE
COMMIT
*filter
-A FORWARD -d {services} -j REJECT
-A OUTPUT -d {services} -j REJECT
COMMIT
"""


def check_free(runner: Runner, layout: Layout) -> None:
    """Raises ClusterError when this machine already uses addresses of the subnet."""
    for interface in _ip_json(runner, "address"):
        if interface["ifname"] == layout.bridge:
            continue
        for address in interface.get("addr_info", []):
            if address.get("family") != "inet":
                continue
            network = ipaddress.IPv4Interface(f"{address['local']}/{address['prefixlen']}").network
            if network.overlaps(layout.subnet):
                raise ClusterError(
                    f"subnet {layout.subnet} is in use: interface {interface['ifname']} has {address['local']}/{address['prefixlen']}; "
                    "choose another with --subnet, or remove that interface"
                )
    for route in _ip_json(runner, "route"):
        if route["dst"] == "default" or route.get("dev") == layout.bridge:
            continue
        if ipaddress.IPv4Network(route["dst"], strict=False).overlaps(layout.subnet):
            raise ClusterError(
                f"subnet {layout.subnet} is in use: there is a route to {route['dst']} through {route.get('dev', 'a gateway')}; "
                "choose another with --subnet, or remove that route"
            )


def make_bridge(runner: Runner, layout: Layout) -> None:
    """Makes the bridge and gives it its address; a no-op where it exists."""
    if _firewall_sees_bridges() and runner.run(_firewall("-C", layout), check=False).code != 0:
        runner.run(_firewall("-I", layout))
    if layout.bridge in links(runner, layout):
        return
    _batch(
        runner,
        [
            # An address of its own: else it changes with every node that joins.
            f"link add {layout.bridge} address {layout.mac(0)} type bridge",
            f"address add {layout.gateway}/{layout.subnet.prefixlen} dev {layout.bridge}",
            f"link set {layout.bridge} up",
        ],
    )


def connect_node(runner: Runner, layout: Layout, number: int, pid: int, nsenter: list[str]) -> None:
    """Gives the node whose first process is pid its eth0, address and routes.

    nsenter: the command that runs its arguments inside the node.
    """
    veth = layout.veth(number)
    if veth in links(runner, layout):
        # The kernel keeps a killed node's network until its last connection is
        # given up, which can take minutes; the cable may also go at this moment.
        runner.run(["ip", "link", "delete", veth], check=False)
    _batch(
        runner,
        [
            f"link add {veth} master {layout.bridge} type veth peer name eth0 address {layout.mac(number)} netns {pid}",
            f"link set {veth} up",
        ],
    )
    others = [other for other in layout.numbers if other != number]
    _batch(
        runner,
        [
            "link set lo up",
            "link set eth0 up",
            f"address add {layout.address(number)}/{layout.subnet.prefixlen} dev eth0",
            f"route add default via {layout.gateway}",
            *(f"route add {layout.pod_network(other)} via {layout.address(other)}" for other in others),
        ],
        ["nsenter", "--target", str(pid), "--net", "--"],
    )
    # Run inside the node: a lock file of iptables then lies in the node's own /run.
    runner.run([*nsenter, "iptables-restore", "--noflush"], stdin=_RULES.format(pods=layout.pods, services=layout.services))


def links(runner: Runner, layout: Layout) -> list[str]:
    """The cluster's interfaces on this machine, cables first."""
    names = [interface["ifname"] for interface in _ip_json(runner, "link")]
    cables = [name for name in names if name.startswith(f"{layout.bridge}n")]
    return cables + [name for name in names if name == layout.bridge]


def remove_links(runner: Runner, layout: Layout) -> None:
    """Removes the cluster's interfaces, and its firewall rule where there is one."""
    if _firewall_sees_bridges():
        runner.run(_firewall("-D", layout), check=False)
    for name in links(runner, layout):
        # A node's cable goes with its namespace, perhaps at this moment.
        runner.run(["ip", "link", "delete", name], check=False)
    left = links(runner, layout)
    if left:
        raise ClusterError(f"interface {left[0]} cannot be removed: remove it with `ip link delete {left[0]}` and try again")


def _firewall_sees_bridges() -> bool:
    try:
        return _BRIDGE_FIREWALL.read_text().strip() == "1"
    except FileNotFoundError:  # the br_netfilter module is not there
        return False


def _firewall(action: str, layout: Layout) -> list[str]:
    """The command that checks (-C), adds (-I) or removes (-D) the bridge's rule."""
    return ["iptables", "--wait", action, "FORWARD", "-i", layout.bridge, "-o", layout.bridge, "-j", "ACCEPT"]


def _batch(runner: Runner, commands: list[str], prefix: list[str] | None = None) -> None:
    """Runs several `ip` commands in one process."""
    runner.run([*(prefix or []), "ip", "-batch", "-"], stdin="".join(f"{command}\n" for command in commands))


def _ip_json(runner: Runner, what: str) -> list[dict]:
    text = runner.run(["ip", "-json", "-4" if what != "link" else "-0", what, "show"]).stdout.strip()
    return json.loads(text) if text else []
