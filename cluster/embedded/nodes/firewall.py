"""The machine's firewall rules for a cluster's bridge.

The cluster has two chains of its own in the table `filter`, named after its bridge. One refuses every packet that the machine
would forward from the bridge to another network, or from there to the bridge. So pods reach nothing beyond the cluster, also on
a machine that forwards packets, as one with Docker does. The other refuses every connection from the bridge to the machine,
except to the ports that the cluster names. The only other rules are those that lead packets of the bridge to these chains. They
come first, and are moved there again by each start, because other programs put theirs first, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.model.names import Layout

__all__ = ["is_protected", "protect", "unprotect"]

# Docker can make the machine's firewall filter the packets between nodes, too, which then come from and go to the bridge.
# Answers to connections of this machine, as kubectl's, are of the states RELATED and ESTABLISHED.
_CHAINS = """\
-A {forward} -i {bridge} -o {bridge} -j ACCEPT
-A {forward} -j REJECT --reject-with icmp-admin-prohibited
-A {input} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
{ports}-A {input} -p tcp -j REJECT --reject-with tcp-reset
-A {input} -j REJECT
"""
_PORT = "-A {input} -p tcp -m tcp --dport {port} -j ACCEPT\n"


def protect(runner: Runner, layout: Layout, ports: Iterable[int] = ()) -> None:
    """Writes the cluster's chains, and leads the packets of its bridge to them first; replaces what is there.

    Args:
        runner: runs iptables.
        layout: the cluster's addresses.
        ports: the TCP ports of this machine that nodes and pods may connect to.

    Raises:
        ClusterError: iptables refuses the rules.
    """
    forward, into = _chains(layout)
    opened = "".join(_PORT.format(input=into, port=port) for port in sorted(set(ports)))
    # Declaring a chain that exists empties it.
    declared = f":{forward} - [0:0]\n:{into} - [0:0]\n"
    left = "".join(f"-D {jump}\n" for jump in _present(_saved(runner), layout))
    rules = _CHAINS.format(forward=forward, input=into, bridge=layout.bridge, ports=opened)
    jumps = "".join(f"-I {jump}\n" for jump in _jumps(layout))
    _restore(runner, declared + left + rules + jumps, "refused the rules that keep pods from this machine and its networks")


def unprotect(runner: Runner, layout: Layout) -> None:
    """Removes the cluster's chains and the rules that lead to them; does nothing if there are none.

    Raises:
        ClusterError: iptables refuses to remove them.
    """
    saved = _saved(runner)
    there = [chain for chain in _chains(layout) if f":{chain} " in saved]
    if not there:
        return
    commands = [f"-D {jump}" for jump in _present(saved, layout)] + [f"-F {chain}" for chain in there] + [f"-X {chain}" for chain in there]
    _restore(runner, "".join(f"{command}\n" for command in commands), "did not remove the cluster's rules")


def is_protected(runner: Runner, layout: Layout) -> bool:
    """Returns whether the machine's firewall leads all packets of the cluster's bridge to the cluster's chains."""
    return len(_present(_saved(runner), layout)) == len(_jumps(layout))


def _chains(layout: Layout) -> tuple[str, str]:
    return f"{layout.bridge}-forward", f"{layout.bridge}-input"


def _jumps(layout: Layout) -> list[str]:
    """Returns the rules that lead to the chains, as iptables-save writes them, without the action."""
    forward, into = _chains(layout)
    return [f"FORWARD -i {layout.bridge} -j {forward}", f"FORWARD -o {layout.bridge} -j {forward}", f"INPUT -i {layout.bridge} -j {into}"]


def _present(saved: str, layout: Layout) -> list[str]:
    """Returns those of the jumps that iptables-save has printed, each as often as it is there."""
    wanted = [f"-A {jump}" for jump in _jumps(layout)]
    return [line.removeprefix("-A ") for line in saved.splitlines() if line in wanted]


def _saved(runner: Runner) -> str:
    return runner.run(["iptables-save", "--table", "filter"], check=False).stdout


def _restore(runner: Runner, rules: str, problem: str) -> None:
    answer = runner.run(["iptables-restore", "--wait", "--noflush"], check=False, stdin=f"*filter\n{rules}COMMIT\n")
    if answer.code != 0:
        reason = next((line.strip() for line in answer.output.splitlines() if line.strip()), f"exit code {answer.code}")
        raise ClusterError(
            f"iptables-restore {problem} ({reason}); run the command as root, on a kernel with the modules ip_tables or nf_tables, xt_conntrack and ipt_REJECT"
        )
