"""The cluster's network on this machine: one bridge, and one veth pair per node.

The bridge has the subnet's first address. A node's end of its veth pair is eth0 in the node's network namespace. Nothing else
of the machine's network changes, but for the firewall's rules for this bridge; see firewall.py.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.embedded.nodes import firewall
from cluster.model.names import Layout

__all__ = ["check_free", "connect_node", "links", "make_bridge", "remove_links"]

# IPv6 settings of the machine's interfaces.
_IPV6 = Path("/proc/sys/net/ipv6/conf")

# A node's own firewall rules; kube-proxy adds its rules to them. Packets that leave the pod network get the node's address,
# because nothing outside has a route to a pod. A packet that still has a Service's address when it is routed was sent before
# kube-proxy wrote its rules. REJECT makes its sender try again at once; without it, a TCP connection would hang until its
# timeout.
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
    """Checks that this machine does not use addresses of the subnet yet.

    Raises:
        ClusterError: an interface has such an address, or a route leads to one.
    """
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
                f"subnet {layout.subnet} is in use: a route to {route['dst']} goes through {route.get('dev', 'a gateway')}; "
                "choose another with --subnet, or remove that route"
            )


def make_bridge(runner: Runner, layout: Layout, ports: Iterable[int] = ()) -> None:
    """Creates the bridge with its address, unless it exists, and writes its firewall rules.

    Args:
        runner: runs `ip` and iptables.
        layout: the cluster's addresses.
        ports: the TCP ports of this machine that nodes and pods may connect to.

    Raises:
        ClusterError: a command failed.
    """
    firewall.protect(runner, layout, ports)
    if layout.bridge in links(runner, layout):
        return
    # Without a link address of its own, the bridge would change its address with every node that joins.
    _batch(
        runner, [f"link add {layout.bridge} address {layout.mac(0)} type bridge", f"address add {layout.gateway}/{layout.subnet.prefixlen} dev {layout.bridge}"]
    )
    setting = _IPV6 / layout.bridge / "disable_ipv6"
    if setting.exists():
        # Nodes have no IPv6, and the rules are for IPv4. Otherwise every port of the machine would be open at its link-local address.
        setting.write_text("1")
    _batch(runner, [f"link set {layout.bridge} up"])


def connect_node(runner: Runner, layout: Layout, number: int, pid: int, nsenter: list[str]) -> None:
    """Connects a node to the bridge, and gives it its address and routes.

    Args:
        runner: runs `ip` and `iptables-restore`.
        layout: the cluster's addresses.
        number: the node's number.
        pid: the ID of the node's first process.
        nsenter: the command that runs its arguments on the node.
    """
    veth = layout.veth(number)
    if veth in links(runner, layout):
        # The kernel keeps the network of a killed node until the last connection times out, which can take minutes. The
        # interface can also disappear at this moment, so a failure is not an error.
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
    # This runs on the node, so that iptables' lock file is in the node's own /run.
    runner.run([*nsenter, "iptables-restore", "--noflush"], stdin=_RULES.format(pods=layout.pods, services=layout.services))


def links(runner: Runner, layout: Layout) -> list[str]:
    """Returns the cluster's interfaces on this machine, the bridge last."""
    names = [interface["ifname"] for interface in _ip_json(runner, "link")]
    veths = [name for name in names if name.startswith(f"{layout.bridge}n")]
    return veths + [name for name in names if name == layout.bridge]


def remove_links(runner: Runner, layout: Layout) -> None:
    """Removes the cluster's interfaces, then its firewall rules.

    Raises:
        ClusterError: an interface or a rule can't be removed.
    """
    for name in links(runner, layout):
        # A veth pair disappears with the node's namespace, possibly at this moment.
        runner.run(["ip", "link", "delete", name], check=False)
    left = links(runner, layout)
    if left:
        raise ClusterError(f"interface {left[0]} cannot be removed; run `ip link delete {left[0]}` and try again")
    firewall.unprotect(runner, layout)


def _batch(runner: Runner, commands: list[str], prefix: list[str] | None = None) -> None:
    """Runs several `ip` commands in one process."""
    runner.run([*(prefix or []), "ip", "-batch", "-"], stdin="".join(f"{command}\n" for command in commands))


def _ip_json(runner: Runner, what: str) -> list[dict[str, Any]]:
    text = runner.run(["ip", "-json", "-4" if what != "link" else "-0", what, "show"]).stdout.strip()
    return json.loads(text) if text else []
