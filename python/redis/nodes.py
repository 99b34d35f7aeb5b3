"""Parser of Redis's reports about its cluster: CLUSTER NODES and `key:value` reports.

Format: https://redis.io/docs/latest/commands/cluster-nodes/
"""

from collections.abc import Iterable
from dataclasses import dataclass

SLOTS = 16384
"""Number of hash slots in every Redis Cluster."""

Range = tuple[int, int]
"""First and last slot of a range, both inclusive."""


@dataclass(frozen=True)
class Node:
    """One line of CLUSTER NODES: a node from the view of the responding node.

    Attributes:
        id: 40 hex digits, which the node keeps as long as its volume.
        ip: last known address; empty if unknown.
        hostname: host name that the node announces (its pod's name); may be empty.
        flags: flags, such as "myself", "master", "slave", "fail", "fail?", "handshake", "noaddr".
        master: ID of the master that it replicates; None for a master.
        connected: True if the responding node is connected to it.
        slots: ranges of slots that it owns, in order.
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
        """True if the node is connected and has no flag of a failure."""
        return self.connected and not self.flags & {"fail", "fail?", "handshake", "noaddr"}


def parse_nodes(text: str) -> list[Node]:
    """Parses the reply of CLUSTER NODES.

    Args:
        text: the reply.

    Returns:
        One node per line.

    Raises:
        ValueError: a line has fewer than the eight fixed fields.
    """
    return [_parse_line(line) for line in text.splitlines() if line]


def _parse_line(line: str) -> Node:
    fields = line.split(" ")
    if len(fields) < 8:
        raise ValueError(f"{line!r} is not a line of CLUSTER NODES; expected 8 fields or more")
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
    """Returns the responding node itself.

    Raises:
        ValueError: no node has the flag "myself".
    """
    for node in nodes:
        if "myself" in node.flags:
            return node
    raise ValueError("no line of CLUSTER NODES has the flag myself")


def parse_report(text: str) -> dict[str, str]:
    """Parses the `key:value` lines of INFO and CLUSTER INFO, without comments."""
    pairs = (line.partition(":") for line in text.splitlines() if line[:1] not in ("", "#"))
    return {key: value for key, _, value in pairs}


def unowned(owned: Iterable[Range]) -> list[Range]:
    """Returns the ranges of slots that are not in the given ranges."""
    gaps, expected = [], 0
    for first, last in sorted(owned):
        if first > expected:
            gaps.append((expected, first - 1))
        expected = max(expected, last + 1)
    if expected < SLOTS:
        gaps.append((expected, SLOTS - 1))
    return gaps


def split(ranges: Iterable[Range], parts: int) -> list[list[Range]]:
    """Splits ranges of slots into shares of nearly equal size.

    Args:
        ranges: the ranges.
        parts: number of shares.

    Returns:
        The shares; each is a list of ranges, in the order of the slots.
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
