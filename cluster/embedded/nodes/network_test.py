"""Tests of the network's commands, and of what keeps it from other people's addresses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.embedded.nodes import network
from cluster.model.state import Cluster

_LAYOUT = Cluster("a", "embedded", "172.19.0.0/26", 2, Path("/state")).layout


@pytest.fixture(autouse=True)
def ipv6(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The IPv6 settings of the machine's interfaces; missing, as on a machine without IPv6."""
    monkeypatch.setattr(network, "_IPV6", tmp_path)
    return tmp_path


def _address(name: str, address: str, prefix: int, family: str = "inet") -> dict:
    return {"ifname": name, "addr_info": [{"family": family, "local": address, "prefixlen": prefix}]}


def _machine(addresses: Sequence[dict] = (), routes: Sequence[dict] = (), links: Sequence[str] = ()) -> FakeRunner:
    return FakeRunner(
        {
            "ip -json -4 address": Result(0, json.dumps(list(addresses))),
            "ip -json -4 route": Result(0, json.dumps(list(routes))),
            "ip -json -0 link": Result(0, json.dumps([{"ifname": name} for name in links])),
        }
    )


def test_free_machine() -> None:
    """Other networks, our own bridge and default routes don't conflict."""
    machine = _machine(
        [
            _address("lo", "127.0.0.1", 8),
            _address("eth0", "10.0.0.5", 24),
            _address(_LAYOUT.bridge, "172.19.0.1", 26),
            _address("eth0", "fe80::1", 64, "inet6"),
        ],
        [{"dst": "default", "dev": "eth0"}, {"dst": "10.0.0.0/24", "dev": "eth0"}, {"dst": "172.19.0.0/26", "dev": _LAYOUT.bridge}],
    )

    network.check_free(machine, _LAYOUT)


@pytest.mark.parametrize(("address", "prefix"), [("172.19.0.1", 26), ("172.19.0.40", 32), ("172.19.5.1", 16)])
def test_address_in_the_way(address: str, prefix: int) -> None:
    """The error for an overlapping interface has its name and address."""
    with pytest.raises(ClusterError, match=f"172.19.0.0/26 is in use: interface docker0 has {address}/{prefix}.*--subnet"):
        network.check_free(_machine([_address("docker0", address, prefix)]), _LAYOUT)


def test_route_in_the_way() -> None:
    """A route into the subnet, as a VPN adds it, is an error too."""
    with pytest.raises(ClusterError, match="a route to 172.16.0.0/12 goes through tun0"):
        network.check_free(_machine([], [{"dst": "172.16.0.0/12", "dev": "tun0"}]), _LAYOUT)


def test_bridge_is_made_once() -> None:
    """The bridge gets the subnet's first address after its firewall rules; an existing bridge is not changed, but its rules are."""
    machine = _machine()
    network.make_bridge(machine, _LAYOUT, (5000,))
    assert f"address add 172.19.0.1/26 dev {_LAYOUT.bridge}" in str(machine.inputs[-2])
    assert machine.inputs[-1] == f"link set {_LAYOUT.bridge} up\n"
    assert "--dport 5000" in str(machine.inputs[1])

    there = _machine(links=[_LAYOUT.bridge])
    network.make_bridge(there, _LAYOUT)
    assert [call[0] for call in there.calls] == ["iptables-save", "iptables-restore", "ip"]


def test_bridge_has_no_ipv6(ipv6: Path) -> None:
    """The machine has no IPv6 address on the bridge, because the rules are for IPv4."""
    setting = ipv6 / _LAYOUT.bridge / "disable_ipv6"
    setting.parent.mkdir()
    setting.write_text("0")
    network.make_bridge(_machine(), _LAYOUT)

    assert setting.read_text() == "1"


def test_node_is_connected() -> None:
    """The node gets its address, a route to the pods of each other node, and rewrites the source of packets that leave the pod network."""
    machine = _machine()
    network.connect_node(machine, _LAYOUT, 2, 4711, ["enter", "4711"])
    outside, inside, firewall = map(str, machine.inputs[1:])

    assert f"link add {_LAYOUT.veth(2)} master {_LAYOUT.bridge}" in outside
    assert "netns 4711" in outside
    assert machine.calls[2][:3] == ["nsenter", "--target", "4711"]
    assert "address add 172.19.0.3/26 dev eth0" in inside
    assert "route add 10.42.1.0/24 via 172.19.0.2" in inside
    assert "10.42.2.0/24" not in inside
    assert machine.lines()[3] == "enter 4711 iptables-restore --noflush"
    assert "-A POSTROUTING -s 10.42.0.0/16 ! -d 10.42.0.0/16 -j MASQUERADE" in firewall
    for chain in ("FORWARD", "OUTPUT"):
        assert f"-A {chain} -d 10.43.0.0/16 -j REJECT" in firewall


def test_cable_of_a_killed_node_is_replaced() -> None:
    """A leftover veth pair, which the kernel has not removed yet, is replaced."""
    machine = _machine(links=[_LAYOUT.bridge, _LAYOUT.veth(2)])
    network.connect_node(machine, _LAYOUT, 2, 4711, ["enter"])

    assert machine.lines()[1] == f"ip link delete {_LAYOUT.veth(2)}"


def test_links_are_removed_cables_first() -> None:
    """Only this cluster's interfaces are removed, even if others have similar names."""
    names = ["lo", _LAYOUT.bridge, _LAYOUT.veth(1), "tu00000000", "tu00000000n1"]
    removed = []

    def delete(args: Sequence[str]) -> Result:
        removed.append(args[-1])
        return Result(0)

    def show(_: object) -> Result:
        return Result(0, json.dumps([{"ifname": name} for name in names if name not in removed]))

    network.remove_links(FakeRunner({"ip link delete": delete, "ip -json -0 link": show}), _LAYOUT)

    assert removed == [_LAYOUT.veth(1), _LAYOUT.bridge]


def test_link_that_stays() -> None:
    """The error names an interface that can't be removed."""
    with pytest.raises(ClusterError, match=f"interface {_LAYOUT.bridge} cannot be removed"):
        network.remove_links(_machine(links=[_LAYOUT.bridge]), _LAYOUT)
