"""Tests of the firewall rules of a cluster's bridge, as text; //cluster/tests:isolation_test runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.embedded.nodes import firewall
from cluster.model.state import Cluster

_LAYOUT = Cluster("a", "embedded", "172.19.0.0/26", 2, Path("/state")).layout
_FORWARD, _INPUT = f"{_LAYOUT.bridge}-forward", f"{_LAYOUT.bridge}-input"
_OURS = f"""\
:{_FORWARD} - [0:0]
:{_INPUT} - [0:0]
-A INPUT -i {_LAYOUT.bridge} -j {_INPUT}
-A FORWARD -o {_LAYOUT.bridge} -j {_FORWARD}
-A FORWARD -i {_LAYOUT.bridge} -j {_FORWARD}
"""
_OTHERS = "-A FORWARD -i docker0 -j DOCKER\n-A INPUT -i tu00000000 -j tu00000000-input\n"


def _machine(saved: str) -> FakeRunner:
    return FakeRunner({"iptables-save": Result(0, f"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n{saved}COMMIT\n")})


def _written(machine: FakeRunner) -> list[str]:
    return str(machine.inputs[-1]).splitlines()


def test_rules_of_a_new_cluster() -> None:
    """What comes from the bridge is refused, except between nodes, in answers, and to the ports of the machine that are open."""
    machine = _machine(_OTHERS)
    firewall.protect(machine, _LAYOUT, (5000, 80))

    assert machine.lines()[-1] == "iptables-restore --wait --noflush"
    assert _written(machine) == [
        "*filter",
        f":{_FORWARD} - [0:0]",
        f":{_INPUT} - [0:0]",
        f"-A {_FORWARD} -i {_LAYOUT.bridge} -o {_LAYOUT.bridge} -j ACCEPT",
        f"-A {_FORWARD} -j REJECT --reject-with icmp-admin-prohibited",
        f"-A {_INPUT} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A {_INPUT} -p tcp -m tcp --dport 80 -j ACCEPT",
        f"-A {_INPUT} -p tcp -m tcp --dport 5000 -j ACCEPT",
        f"-A {_INPUT} -p tcp -j REJECT --reject-with tcp-reset",
        f"-A {_INPUT} -j REJECT",
        f"-I FORWARD -i {_LAYOUT.bridge} -j {_FORWARD}",
        f"-I FORWARD -o {_LAYOUT.bridge} -j {_FORWARD}",
        f"-I INPUT -i {_LAYOUT.bridge} -j {_INPUT}",
        "COMMIT",
    ]


def test_rules_are_moved_first() -> None:
    """A later start removes the cluster's own rules, and none of others, in the same step in which it inserts them."""
    machine = _machine(_OTHERS + _OURS)
    firewall.protect(machine, _LAYOUT)

    assert [line for line in _written(machine) if line.startswith("-D")] == [
        f"-D INPUT -i {_LAYOUT.bridge} -j {_INPUT}",
        f"-D FORWARD -o {_LAYOUT.bridge} -j {_FORWARD}",
        f"-D FORWARD -i {_LAYOUT.bridge} -j {_FORWARD}",
    ]


def test_rules_are_removed() -> None:
    """Only the cluster's own rules are removed; a machine that has none of them is left alone."""
    machine = _machine(_OTHERS + _OURS)
    firewall.unprotect(machine, _LAYOUT)
    removed = [line for line in _written(machine) if line.startswith("-")]
    assert len(removed) == 7
    assert all(_LAYOUT.bridge in line for line in removed)

    machine = _machine(_OTHERS)
    firewall.unprotect(machine, _LAYOUT)
    assert machine.lines() == ["iptables-save --table filter"]


@pytest.mark.parametrize("missing", ["", *_OURS.splitlines()[2:]])
def test_missing_rules_are_noticed(missing: str) -> None:
    """A bridge is protected only if all of its packets are led to the chains."""
    assert firewall.is_protected(_machine(_OTHERS + _OURS.replace(missing, "")), _LAYOUT) == (not missing)


def test_a_refusal_is_one_sentence() -> None:
    """If iptables can't be used, the error has its reason and what it needs."""
    machine = _machine("")
    machine.answers["iptables-restore"] = Result(4, "", "\niptables-restore v1.8.9: Permission denied\n")

    with pytest.raises(ClusterError, match="refused the rules that keep pods.*Permission denied.*as root.*xt_conntrack") as error:
        firewall.protect(machine, _LAYOUT)
    assert "\n" not in str(error.value)
