"""The names and addresses of a cluster, as pure functions without I/O.

A cluster's name is unique within one state folder. What the whole machine sees of a cluster (bridge, cgroup) carries a hash of
the name and the folder, so that two state folders can have clusters of the same name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cluster.common.errors import UsageError

__all__ = ["MAX_NAME", "Layout", "check_name", "check_nodes", "check_ports", "check_share", "check_subnet", "context_name", "machine_id"]

MAX_NAME = 40  # characters; "NAME-60" must be a DNS label, with room to spare
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_RESERVED = 2  # the network's own address and the bridge's


def check_name(name: str) -> str:
    """Returns a cluster's name.

    Raises:
        UsageError: it is not a DNS label of at most MAX_NAME characters.
    """
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise UsageError(
            f"cluster name {name!r} is not a DNS label of at most {MAX_NAME} characters "
            "(a lowercase letter, then lowercase letters, digits and dashes); choose another with --name"
        )
    return name


def check_subnet(text: str) -> ipaddress.IPv4Network:
    """Parses a subnet, such as 10.0.0.0/24.

    Raises:
        UsageError: it is not an IPv4 network, has the wrong size, or overlaps the network of pods or Services.
    """
    try:
        subnet = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise UsageError(f"subnet {text!r} is not an IPv4 network ({error}); write one such as 10.0.0.0/24") from None
    if not 16 <= subnet.prefixlen <= 29:
        raise UsageError(f"subnet {text!r} has prefix length {subnet.prefixlen}; choose one from /16 to /29")
    for taken, use in ((Layout.pods, "pods"), (Layout.services, "Services")):
        if subnet.overlaps(taken):
            raise UsageError(f"subnet {text!r} overlaps {taken}, the network of the cluster's {use}; choose another, such as 10.0.0.0/24")
    return subnet


def check_nodes(count: int, subnet: ipaddress.IPv4Network) -> int:
    """Returns the number of nodes.

    Raises:
        UsageError: the subnet or the pod network is too small for it.
    """
    most = min(subnet.num_addresses - _RESERVED - 1, 254)
    if not 1 <= count <= most:
        raise UsageError(f"--nodes {count} does not fit into subnet {subnet}; choose 1 to {most}")
    return count


def check_share(percentage: int) -> int:
    """Returns the percentage of the machine that a cluster may take.

    Raises:
        UsageError: it is none.
    """
    if not 1 <= percentage <= 100:
        raise UsageError(f"--share {percentage} is no percentage of the machine; choose 1 to 100")
    return percentage


def check_ports(ports: Collection[int]) -> tuple[int, ...]:
    """Returns TCP ports, sorted, each once.

    Raises:
        UsageError: one is not from 1 to 65535.
    """
    for port in ports:
        if not isinstance(port, int) or not 1 <= port <= 65535:
            raise UsageError(f"--host-port {port!r} is not a port; choose 1 to 65535, or correct HOST_PORTS in cluster_constants.bzl")
    return tuple(sorted(set(ports)))


def context_name(name: str) -> str:
    """Returns the name of a cluster's kubeconfig context, which is also that of its cluster and user entries."""
    return f"turnup-{name}"


def machine_id(name: str, state_dir: Path) -> str:
    """Returns eight hexadecimal digits that distinguish the cluster from every other on the machine."""
    return hashlib.sha256(f"{state_dir}\0{name}".encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Layout:
    """Every name and address of one cluster.

    Attributes:
        name: the cluster's name.
        subnet: the network of the nodes.
        nodes: how many nodes it has.
        machine_id: eight hexadecimal digits; see `machine_id`.
        pods: the network of the pods.
        services: the network of the Services.
        dns_domain: the cluster domain.
        api_port: the API server's port.
    """

    name: str
    subnet: ipaddress.IPv4Network
    nodes: int
    machine_id: str

    # The same in every cluster, because they exist only inside its network namespaces.
    pods = ipaddress.IPv4Network("10.42.0.0/16")
    services = ipaddress.IPv4Network("10.43.0.0/16")
    dns_domain = "cluster.local"
    api_port = 6443

    @property
    def bridge(self) -> str:
        """The interface that connects the nodes; the kernel allows at most 15 characters."""
        return f"tu{self.machine_id}"

    def veth(self, number: int) -> str:
        """Returns the interface at the bridge's end of a node's veth pair."""
        return f"{self.bridge}n{number}"

    @property
    def cgroup(self) -> str:
        """The cgroup of the whole cluster, below the root of each hierarchy."""
        return f"turnup-{self.machine_id}"

    @property
    def gateway(self) -> ipaddress.IPv4Address:
        """The bridge's own address, at which nodes reach this machine."""
        return self.subnet.network_address + 1

    @property
    def numbers(self) -> range:
        """The nodes' numbers, from 1; node 1 runs the control plane."""
        return range(1, self.nodes + 1)

    def node(self, number: int) -> str:
        """Returns a node's name, in Kubernetes and as its host name."""
        return f"{self.name}-{number}"

    def address(self, number: int) -> ipaddress.IPv4Address:
        """Returns a node's fixed address."""
        return self.subnet.network_address + number + 1

    def mac(self, number: int) -> str:
        """Returns a node's link address; 0 is the bridge.

        It follows from the IP address, so that the ARP caches of the neighbors are still right after a restart.
        """
        packed = (self.subnet.network_address + number + 1).packed
        return "02:54:" + ":".join(f"{byte:02x}" for byte in packed)

    def pod_network(self, number: int) -> ipaddress.IPv4Network:
        """Returns the network of a node's pods."""
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
        """The API server's URL, for this machine and all nodes."""
        return f"https://{self.address(1)}:{self.api_port}"
