"""Tests of names and addresses."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from cluster.common.errors import UsageError
from cluster.model.names import MAX_NAME, Layout, check_name, check_nodes, check_ports, check_share, check_subnet, context_name, machine_id

_SUBNET = ipaddress.IPv4Network("172.19.0.0/26")


@pytest.mark.parametrize("name", ["a", "local", "a-1", "x" * MAX_NAME])
def test_good_names(name: str) -> None:
    """DNS labels up to the limit are valid names."""
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a.b", "a/b", "..", "a b", "x" * (MAX_NAME + 1), "ä"])
def test_bad_names(name: str) -> None:
    """Any other name is refused, and the error has the name and the option."""
    with pytest.raises(UsageError, match="--name") as error:
        check_name(name)

    assert repr(name) in str(error.value)


@pytest.mark.parametrize(
    ("subnet", "reason"),
    [
        ("172.19.0.1/26", "host bits"),
        ("nonsense", "not an IPv4 network"),
        ("172.19.0.0/30", "prefix length 30"),
        ("10.0.0.0/8", "prefix length 8"),
        ("10.42.7.0/24", "pods"),
        ("10.43.0.0/16", "Services"),
        ("fd00::/64", "not an IPv4 network"),
    ],
)
def test_bad_subnets(subnet: str, reason: str) -> None:
    """The error for an unusable subnet has the reason."""
    with pytest.raises(UsageError, match=reason):
        check_subnet(subnet)


@pytest.mark.parametrize(("count", "good"), [(0, False), (1, True), (61, True), (62, False)])
def test_node_counts(count: int, good: bool) -> None:
    """A subnet has room for as many nodes as it has addresses, without its own, the bridge's and the broadcast address."""
    if good:
        assert check_nodes(count, _SUBNET) == count
    else:
        with pytest.raises(UsageError, match="choose 1 to 61"):
            check_nodes(count, _SUBNET)


@pytest.mark.parametrize(("percentage", "good"), [(0, False), (1, True), (100, True), (101, False)])
def test_shares(percentage: int, good: bool) -> None:
    """A cluster's share is a percentage of the machine, and not 0."""
    if good:
        assert check_share(percentage) == percentage
    else:
        with pytest.raises(UsageError, match=f"--share {percentage} is no percentage"):
            check_share(percentage)


def test_addresses() -> None:
    """Node N has the base address + N + 1, and its pods have their own network."""
    layout = Layout("local", _SUBNET, 3, "0123abcd")

    assert [str(layout.address(number)) for number in layout.numbers] == ["172.19.0.2", "172.19.0.3", "172.19.0.4"]
    assert str(layout.gateway) == "172.19.0.1"
    assert str(layout.pod_network(2)) == "10.42.2.0/24"
    assert layout.api_url == "https://172.19.0.2:6443"
    assert (str(layout.api_service), str(layout.dns_service)) == ("10.43.0.1", "10.43.0.10")
    assert len({layout.mac(number) for number in range(4)}) == 4


def test_interface_names_fit_the_kernel() -> None:
    """No interface name has more than 15 characters, the kernel's limit, not even the last node's."""
    layout = Layout("local", _SUBNET, 254, "0123abcd")

    assert len(layout.veth(254)) <= 15
    assert layout.veth(1).startswith(layout.bridge)


def test_machine_ids_tell_state_folders_apart() -> None:
    """The same name in two state folders, and two names in one, have different IDs."""
    ids = {machine_id(name, Path(folder)) for name in ("a", "b") for folder in ("/x", "/y")}

    assert len(ids) == 4
    assert machine_id("a", Path("/x")) in ids


def test_context_name() -> None:
    """The context has the name that targets use."""
    assert context_name("local") == "turnup-local"


def test_ports() -> None:
    """Ports are sorted and unique; another number, or no number, is an error that has the fix."""
    assert check_ports((5000, 80, 5000)) == (80, 5000)
    bad: list[Any] = [0, 65536, "http"]
    for port in bad:
        with pytest.raises(UsageError, match=f"--host-port {port!r} is not a port.*HOST_PORTS"):
            check_ports([port])
