"""Names and addresses of a cluster: pure functions, no I/O.

A cluster is known by a name that is unique below one state folder. Whatever
the whole machine sees of it (bridge, cgroup) carries a hash of both, so that
two state folders may hold clusters of the same name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterUsageError

__all__ = ["MAX_NAME", "Layout", "check_name", "check_nodes", "check_subnet", "context_name", "machine_id"]

MAX_NAME = 40  # characters: "NAME-60" must stay a DNS label, with room to spare
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_RESERVED = 2  # the network's own address and the bridge's


def check_name(name: str) -> str:
    """Returns name, or raises ClusterUsageError when it cannot name a cluster."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise ClusterUsageError(
            f"cluster name {name!r} must be a DNS label of at most {MAX_NAME} characters "
            "(a letter, then letters, digits and dashes, all lower case): choose another with --name"
        )
    return name


def check_subnet(text: str) -> ipaddress.IPv4Network:
    """Returns the network that text ("172.19.0.0/26") names, or raises ClusterUsageError."""
    try:
        subnet = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise ClusterUsageError(f"subnet {text!r} is not an IPv4 network ({error}): write one like 172.19.0.0/26") from None
    if not 16 <= subnet.prefixlen <= 29:
        raise ClusterUsageError(f"subnet {text!r} has prefix length {subnet.prefixlen}: choose one from /16 to /29")
    for taken, use in ((Layout.pods, "pods"), (Layout.services, "Services")):
        if subnet.overlaps(taken):
            raise ClusterUsageError(f"subnet {text!r} overlaps {taken}, which the cluster's {use} use: choose one like 172.19.0.0/26")
    return subnet


def check_nodes(count: int, subnet: ipaddress.IPv4Network) -> int:
    """Returns count, or raises ClusterUsageError when the subnet or the pod network cannot hold it."""
    most = min(subnet.num_addresses - _RESERVED - 1, 254)
    if not 1 <= count <= most:
        raise ClusterUsageError(f"--nodes {count} does not fit subnet {subnet}: choose 1 to {most}")
    return count


def context_name(name: str) -> str:
    """The kubeconfig context, cluster and user of the cluster called name."""
    return f"turnup-{name}"


def machine_id(name: str, state_dir: Path) -> str:
    """Eight hex digits that tell this cluster from any other on the machine."""
    return hashlib.sha256(f"{state_dir}\0{name}".encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Layout:
    """Every name and address of one cluster."""

    name: str
    subnet: ipaddress.IPv4Network
    nodes: int
    machine_id: str

    # The same in every cluster: they exist inside its namespaces only.
    pods = ipaddress.IPv4Network("10.42.0.0/16")
    services = ipaddress.IPv4Network("10.43.0.0/16")
    dns_domain = "cluster.local"
    api_port = 6443

    @property
    def bridge(self) -> str:
        """The interface that joins the nodes; at most 15 characters, as the kernel wants."""
        return f"tu{self.machine_id}"

    def veth(self, number: int) -> str:
        """The bridge's end of node number's cable."""
        return f"{self.bridge}n{number}"

    @property
    def cgroup(self) -> str:
        """The cgroup of the whole cluster, below each hierarchy's root."""
        return f"turnup-{self.machine_id}"

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        """The bridge's own address: how nodes see this machine."""
        return self.subnet.network_address + 1

    @property
    def numbers(self) -> range:
        """Node numbers, from 1; node 1 holds the control plane."""
        return range(1, self.nodes + 1)

    def node(self, number: int) -> str:
        """Node number's name, in Kubernetes and as its host name."""
        return f"{self.name}-{number}"

    def address(self, number: int) -> ipaddress.IPv4Address:
        """Node number's fixed address."""
        return self.subnet.network_address + number + 1

    def mac(self, number: int) -> str:
        """Node number's link address (0: the bridge); it follows from the IP address, so that neighbours' caches stay right after a restart."""
        packed = (self.subnet.network_address + number + 1).packed
        return "02:54:" + ":".join(f"{byte:02x}" for byte in packed)

    def pod_network(self, number: int) -> ipaddress.IPv4Network:
        """The addresses of node number's pods."""
        return ipaddress.IPv4Network((int(self.pods.network_address) + (number << 8), 24))

    @property
    def api_service(self) -> ipaddress.IPv4Address:
        """The ClusterIP of the Service `kubernetes`."""
        return self.services.network_address + 1

    @property
    def dns_service(self) -> ipaddress.IPv4Address:
        """The ClusterIP of cluster DNS."""
        return self.services.network_address + 10

    @property
    def api_url(self) -> str:
        """Where this machine and all nodes reach the API server."""
        return f"https://{self.address(1)}:{self.api_port}"
