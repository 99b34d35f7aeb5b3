"""What Redis says of its cluster, parsed: CLUSTER NODES and `key:value` reports.

Format: https://redis.io/docs/latest/commands/cluster-nodes/
"""

from collections.abc import Iterable
from dataclasses import dataclass

SLOTS = 16384
"""How many hash slots every Redis Cluster has."""

Range = tuple[int, int]
"""First and last slot, both included."""


@dataclass(frozen=True)
class Node:
    """One line of CLUSTER NODES: a node as the asked node sees it.

    Attributes:
        id: 40 hex digits that the node keeps for life.
        ip: last known address; empty when unknown.
        hostname: what the node announces (its pod's name); may be empty.
        flags: such as "myself", "master", "slave", "fail", "fail?", "handshake", "noaddr".
        master: id of the master that it replicates; None for a master.
        connected: whether the asked node's link to it is up.
        slots: the ranges it owns, in order.
    """

    id: str
    ip: str
    hostname: str
    flags: frozenset[str]
    master: str | None
    connected: bool
    slots: tuple[Range, ...]

    @property
    def healthy(self) -> bool:
        """Whether the link is up and nobody doubts the node."""
        return self.connected and not self.flags & {"fail", "fail?", "handshake", "noaddr"}


def parse_nodes(text: str) -> list[Node]:
    """Parses the reply of CLUSTER NODES.

    Raises:
        ValueError: a line with fewer than the eight fixed fields.
    """
    return [_parse_line(line) for line in text.splitlines() if line]


def _parse_line(line: str) -> Node:
    fields = line.split(" ")
    if len(fields) < 8:
        raise ValueError(f"no line of CLUSTER NODES: {line!r}")
    identity, address, flags, master, _ping, _pong, _epoch, link = fields[:8]
    endpoint, _, names = address.partition(",")
    return Node(
        id=identity,
        ip=endpoint.split("@")[0].rpartition(":")[0],
        hostname=names.partition(",")[0],
        flags=frozenset(flags.split(",")),
        master=None if master == "-" else master,
        connected=link == "connected" or "myself" in flags,
        slots=tuple(_slot_range(word) for word in fields[8:] if not word.startswith("[")),
    )


def _slot_range(word: str) -> Range:
    first, _, last = word.partition("-")
    return int(first), int(last or first)


def myself(nodes: Iterable[Node]) -> Node:
    """Returns the asked node's own line.

    Raises:
        ValueError: there is none.
    """
    for node in nodes:
        if "myself" in node.flags:
            return node
    raise ValueError("CLUSTER NODES has no line flagged myself")


def parse_report(text: str) -> dict[str, str]:
    """Parses the `key:value` lines of INFO and CLUSTER INFO; comments are left out."""
    pairs = (line.partition(":") for line in text.splitlines() if line[:1] not in ("", "#"))
    return {key: value for key, _, value in pairs}


def unowned(owned: Iterable[Range]) -> list[Range]:
    """Returns the ranges of slots that are in none of the given ranges."""
    gaps, expected = [], 0
    for first, last in sorted(owned):
        if first > expected:
            gaps.append((expected, first - 1))
        expected = max(expected, last + 1)
    if expected < SLOTS:
        gaps.append((expected, SLOTS - 1))
    return gaps


def split(ranges: Iterable[Range], parts: int) -> list[list[Range]]:
    """Deals the slots of the ranges out into `parts` shares of nearly equal size.

    Every share is contiguous as far as the ranges are.
    """
    ranges = list(ranges)
    left = sum(last - first + 1 for first, last in ranges)
    shares: list[list[Range]] = []
    for part in range(parts, 0, -1):
        size, share = -(-left // part), []
        left -= size
        while size:
            first, last = ranges.pop(0)
            if last - first + 1 > size:
                ranges.insert(0, (first + size, last))
                last = first + size - 1
            share.append((first, last))
            size -= last - first + 1
        shares.append(share)
    return shares
