"""The agent beside each redis-server: reports its state and keeps the cluster whole."""

import http.client
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from python.redis import nodes, plan
from python.redis.resp import CommandError, Connection

log = logging.getLogger(__name__)

NODE_TIMEOUT_MS = 5000
"""How long a node may be silent before it counts as failed."""
FORMING_TIMEOUT_MS = 1000
"""The same in a node that is new: Redis also waits this long before it believes a
majority that it has just found, so a new cluster is ready sooner."""
SPREAD_EVERY_S = 10.0
"""How often pod 0 considers to spread masters, when nothing else is to be done."""


@dataclass(frozen=True)
class Identity:
    """Who this pod is.

    Attributes:
        name: the StatefulSet's name; pods are NAME-0 to NAME-(size-1).
        ordinal: this pod's number.
        size: how many pods there are.
        namespace: the pods' namespace; agents of another one are not ours.
        host: the Kubernetes node that this pod runs on.
        ip: this pod's address.
        redis_port: where redis-server listens, in every pod.
        status_port: where the agent's HTTP endpoint listens, in every pod.
    """

    name: str
    ordinal: int
    size: int
    namespace: str
    host: str
    ip: str
    redis_port: int = 6379
    status_port: int = 8080

    @property
    def pod(self) -> str:
        """This pod's name."""
        return f"{self.name}-{self.ordinal}"


Resolve = Callable[[str], str | None]
"""Returns the address of the pod of that name, or None while it has none."""


class Agent:
    """Heals this pod's part of the cluster; pod 0's agent also decides roles.

    Call `tick` again and again; it never raises because of the network.
    """

    def __init__(self, who: Identity, resolve: Resolve) -> None:
        self._who = who
        self._resolve = resolve
        self._quiet_since = time.monotonic()
        self._formed = False

    # What the HTTP endpoint serves.

    def live(self) -> tuple[bool, str]:
        """Whether redis-server answers at all; loading its data counts as alive."""
        try:
            return True, self._ask("PING")
        except CommandError as refusal:  # such as LOADING: it is at work
            return True, str(refusal)

    def ready(self) -> tuple[bool, str]:
        """Whether CLUSTER INFO says cluster_state:ok and a replica follows its master."""
        state = nodes.parse_report(self._ask("CLUSTER", "INFO")).get("cluster_state", "unknown")
        if state != "ok":
            return False, f"cluster_state:{state}"
        if not self._link_up():
            return False, "cluster_state:ok, but the replica does not follow its master yet"
        return True, "cluster_state:ok"

    def status(self) -> tuple[bool, dict[str, Any]]:
        """What other agents need to know of this pod, see `plan.Member`."""
        return True, {
            "pod": self._who.pod,
            "namespace": self._who.namespace,
            "host": self._who.host,
            "link_up": self._link_up(),
            "nodes": self._ask("CLUSTER", "NODES"),
        }

    # Before Redis starts.

    def clear_the_way(self) -> bool:
        """For a pod with a new volume, before it starts its Redis.

        A replica looks its master up by address. If this pod has the address
        of the node whose volume was lost, that node's replica would follow the
        new, empty Redis and throw its own copy away: it must take over first.

        Returns:
            True when no replica waits for a master at this pod's address.
        """
        for peer in self._peers([]):
            old = {
                node.id
                for node in peer.table
                if (node.ip, node.hostname) == (self._who.ip, self._who.pod)
            }
            for heir in peer.table:
                if heir.master in old and heir.healthy:
                    log.info("%s must take over first: this volume is new", heir.hostname)
                    self._command(heir.ip, "CLUSTER", "FAILOVER", "TAKEOVER")
                    return False
        return True

    # One round of work.

    def tick(self) -> bool:
        """Looks at the cluster as this pod sees it and repairs what is wrong.

        Returns:
            True when nothing is left to be done.
        """
        try:
            return self._tick()
        except (OSError, ValueError, CommandError) as error:
            log.debug("this round failed: %s", error)
            return False

    def _tick(self) -> bool:
        table = nodes.parse_nodes(self._ask("CLUSTER", "NODES"))
        for node_id in plan.superseded(table):
            log.info("forget %s: its pod runs with a new volume", node_id)
            self._ask("CLUSTER", "FORGET", node_id)
        settled = self._is_settled(table)
        leads = self._who.ordinal == 0
        now = time.monotonic()
        if settled and not self._formed and self.ready()[0]:
            self._ask("CONFIG", "SET", "cluster-node-timeout", NODE_TIMEOUT_MS)
            self._formed = True
        if not settled:
            self._quiet_since = now
        elif not leads or now - self._quiet_since < SPREAD_EVERY_S:
            return True
        peers = self._peers(table)
        me = self._member(self._who.ordinal, self._who.ip, self.status()[1])
        for peer in plan.meetings(me, peers):
            log.info("meet %s at %s", peer.pod, peer.ip)
            self._ask("CLUSTER", "MEET", peer.ip, self._who.redis_port)
        if leads and len(peers) == self._who.size - 1:
            self._lead([me, *peers], settled)
        return settled

    def _is_settled(self, table: list[nodes.Node]) -> bool:
        whole = len(table) == self._who.size and all(node.healthy for node in table)
        empty = any(node.master is None and not node.slots for node in table)
        gaps = nodes.unowned(slots for node in table for slots in node.slots)
        return whole and not empty and not gaps

    def _lead(self, members: list[plan.Member], settled: bool) -> None:
        steps = plan.decide(members)
        if settled and not steps:
            steps = plan.spread(members)
            self._quiet_since = time.monotonic()
        addresses = {member.pod: member.ip for member in members}
        for step in steps:
            log.info("%s: %s", step.pod, step.why)
            self._command(addresses[step.pod], *step.words)

    def hand_over(self, timeout_s: float = 3.0) -> bool:
        """Before this pod ends: lets a replica take over, if this is a master with one.

        Without this, the shard would be unwritable until the others notice that
        its master is gone.

        Returns:
            True when a replica took over in time.
        """
        try:
            table = nodes.parse_nodes(self._ask("CLUSTER", "NODES"))
            me = nodes.myself(table)
            heirs = [node for node in table if node.master == me.id and node.healthy]
            if not me.slots or not heirs:
                return False
            self._command(heirs[0].ip, "CLUSTER", "FAILOVER")
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                if self._ask("ROLE")[0] == "slave":
                    log.info("%s took over", heirs[0].hostname or heirs[0].ip)
                    return True
                time.sleep(0.05)
        except (OSError, ValueError, CommandError) as error:
            log.info("no replica took over: %s", error)
        return False

    # Looking around.

    def _ask(self, *words: str | int) -> Any:
        # A connection for each question: it is local, and nothing can go stale.
        with Connection(self._who.ip, self._who.redis_port) as redis:
            return redis.command(*words)

    def _command(self, ip: str, *words: str | int) -> None:
        """Tells another pod's Redis to do something; a refusal is logged."""
        shown = f"{ip}: {' '.join(map(str, words))}"
        try:
            with Connection(ip, self._who.redis_port) as redis:
                redis.command(*words)
            log.info("%s", shown)
        except (OSError, CommandError) as error:
            log.warning("%s failed: %s", shown, error)

    def _link_up(self) -> bool:
        report = nodes.parse_report(self._ask("INFO", "replication"))
        return report.get("role") == "master" or report.get("master_link_status") == "up"

    def _peers(self, table: list[nodes.Node]) -> list[plan.Member]:
        # DNS may go on denying a new pod for seconds, because somebody asked too early. Whoever
        # found us by then has met us, so that Redis's own table tells where it is.
        known = {node.hostname: node.ip for node in table if node.healthy}
        found = []
        for ordinal in range(self._who.size):
            pod = f"{self._who.name}-{ordinal}"
            ip = self._resolve(pod) or known.get(pod)
            if ordinal != self._who.ordinal and ip is not None:
                peer = self._peer(ordinal, pod, ip)
                found += [peer] if peer is not None else []
        return found

    def _peer(self, ordinal: int, pod: str, ip: str) -> plan.Member | None:
        try:
            status = _fetch_json(ip, self._who.status_port, "/status")
        except (OSError, ValueError, http.client.HTTPException):  # not up yet
            return None
        # An address can be out of date and belong to somebody else by now.
        if not isinstance(status, dict):
            return None
        if (status.get("pod"), status.get("namespace")) != (pod, self._who.namespace):
            return None
        return self._member(ordinal, ip, status)

    @staticmethod
    def _member(ordinal: int, ip: str, status: dict[str, Any]) -> plan.Member:
        return plan.Member(
            ordinal=ordinal,
            pod=status["pod"],
            host=status["host"],
            ip=ip,
            table=tuple(nodes.parse_nodes(status["nodes"])),
            link_up=status["link_up"],
        )


def _fetch_json(host: str, port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()
