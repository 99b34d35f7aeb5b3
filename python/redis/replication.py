"""A replica's link to its master, compared with the master's address in the cluster's table.

Redis 7.0 can learn a master's new address from the gossip of a third node. It then updates its table, but the replica
goes on dialing the old address, and later packets show no difference that would correct the link.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from python.redis.nodes import Node, myself, parse_report

STUCK_AFTER_S = 10.0
"""Seconds that a link to the right address may be down, while the master responds, before the replica starts it again."""


@dataclass(frozen=True)
class Link:
    """The replication part of INFO.

    Attributes:
        is_replica: False for a master, which has no link.
        address: IP address and port that the replica dials; ("", 0) for a master.
        up: True if the replica receives its master's writes.
        syncing: True while the replica receives the master's whole data; the link counts as down until then.
    """

    is_replica: bool
    address: tuple[str, int]
    up: bool
    syncing: bool


def parse_link(text: str) -> Link:
    """Parses the reply of INFO replication.

    Raises:
        ValueError: the port of the master is not a number.
    """
    report = parse_report(text)
    return Link(
        is_replica=report.get("role") == "slave",
        address=(report.get("master_host", ""), int(report.get("master_port", "0"))),
        up=report.get("master_link_status") == "up",
        syncing=report.get("master_sync_in_progress") == "1",
    )


def find_master(table: Sequence[Node]) -> Node | None:
    """Returns the node that the responding node replicates; None for a master, and if the table lacks that node.

    Raises:
        ValueError: no node of the table is the responding node.
    """
    wanted = myself(table).master
    return next((node for node in table if node.id == wanted), None)


def dials_other_address(link: Link, master: Node | None, port: int) -> bool:
    """Returns whether a replica dials an address that is not its master's.

    Args:
        link: the replica's link.
        master: its master, from its own table; None if the table has none.
        port: port of every Redis.

    Returns:
        False also while the address in the table cannot be trusted, because the master is not connected there.
    """
    return link.is_replica and master is not None and master.healthy and link.address != (master.ip, port)
