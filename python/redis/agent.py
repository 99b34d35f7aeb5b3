"""Agent beside each redis-server: reports its status and repairs the cluster."""

import http.client
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from python.redis import nodes, plan, replication
from python.redis.access import Access
from python.redis.resp import CommandError, Connection

log = logging.getLogger(__name__)

NODE_TIMEOUT_MS = 5000
"""Milliseconds without a response after which a node counts as failed."""
FORMING_TIMEOUT_MS = 1000
"""The same for a new node. Redis also waits this long before it trusts a new
majority, so a short time makes a new cluster ready sooner."""
SPREAD_EVERY_S = 10.0
"""Seconds between two attempts of pod 0 to spread the masters, while nothing else is to do."""
LOOK_EVERY_S = 10.0
"""Seconds after which an agent looks at the other pods again, while nothing is to do."""


@dataclass(frozen=True)
class Identity:
    """Identity of this pod.

    Attributes:
        name: name of the StatefulSet; pods are NAME-0 to NAME-(size-1).
        ordinal: ordinal of this pod.
        size: number of pods.
        namespace: namespace of the pods; agents in other namespaces are ignored.
        host: Kubernetes node that runs this pod.
        ip: address of this pod.
        redis_port: port of redis-server, in every pod.
        status_port: port of the agent's HTTP endpoint, in every pod.
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
        """Name of this pod."""
        return f"{self.name}-{self.ordinal}"


Resolve = Callable[[str], str | None]
"""Returns the address of the pod with the given name; None if it has none."""


class Agent:
    """Repairs this pod's part of the cluster; pod 0's agent also assigns roles.

    Call `tick` periodically; it never raises network errors.
    """

    def __init__(self, who: Identity, resolve: Resolve, access: Access) -> None:
        """Keeps the settings.

        Args:
            who: this pod.
            resolve: resolves names of pods.
            access: the users of this pod's Redis.
        """
        self._who = who
        self._access = access
        self._looked_at: float | None = None
        self._resolve = resolve
        self._quiet_since = time.monotonic()
        self._formed = False
        self._link_down_since: float | None = None

    # Checks of the HTTP endpoint.

    def live(self) -> tuple[bool, str]:
        """Returns whether redis-server responds; it is live even while it loads its data."""
        try:
            return True, self._ask("PING")
        except CommandError as error:  # such as LOADING: redis-server is working
            return True, str(error)

    def ready(self) -> tuple[bool, str]:
        """Returns whether CLUSTER INFO reports cluster_state:ok and, for a replica, whether it replicates its master."""
        state = nodes.parse_report(self._ask("CLUSTER", "INFO")).get("cluster_state", "unknown")
        if state != "ok":
            return False, f"cluster_state:{state}"
        if not self._link_up(nodes.parse_nodes(self._ask("CLUSTER", "NODES"))):
            return False, "cluster_state:ok, but this replica does not replicate its master yet"
        return True, "cluster_state:ok"

    def status(self) -> tuple[bool, dict[str, Any]]:
        """Returns this pod's status for other agents, see `plan.Member`."""
        table = self._ask("CLUSTER", "NODES")
        return True, {
            "pod": self._who.pod,
            "namespace": self._who.namespace,
            "host": self._who.host,
            "link_up": self._link_up(nodes.parse_nodes(table)),
            "nodes": table,
            "users": True,
        }

    # Before redis-server starts.

    def promote_replicas(self) -> bool:
        """Promotes replicas of the node that had this address; for a pod with a new volume, before it starts redis-server.

        A replica finds its master by address. If this pod has the address of a
        node that lost its volume, that node's replica would replicate the new,
        empty Redis and discard its own copy. So it must be promoted first.

        Returns:
            True if there is no replica of a master at this pod's address.
        """
        for peer in self._peers([]):
            old = {node.id for node in peer.table if (node.ip, node.hostname) == (self._who.ip, self._who.pod)}
            for replica in peer.table:
                if replica.master in old and replica.healthy:
                    log.info("promoting %s first, because this volume is new", replica.hostname)
                    self._command(replica.ip, "CLUSTER", "FAILOVER", "TAKEOVER")
                    return False
        return True

    # Reconciliation.

    def tick(self) -> bool:
        """Checks the cluster from this pod's view and repairs it.

        Returns:
            True if there is nothing left to do.
        """
        try:
            return self._tick()
        except (OSError, ValueError, CommandError) as error:
            log.debug("this check failed: %s", error)
            return False

    def identify(self) -> list[nodes.Node]:
        """Lets this node replicate its own master, and its replicas replicate this node.

        Returns:
            CLUSTER NODES of this pod.

        Raises:
            OSError: Redis does not respond.
            CommandError: Redis rejected a command.
            ValueError: CLUSTER NODES can't be read.
        """
        table = nodes.parse_nodes(self._ask("CLUSTER", "NODES"))
        me = nodes.myself(table)
        self._access.identify(self._ask, me.id, me.master)
        return table

    def _tick(self) -> bool:
        self._access.renew(self._ask)
        table = self.identify()
        for node_id in plan.nodes_to_forget(table):
            log.info("forgetting %s, because its pod has a new volume", node_id)
            self._ask("CLUSTER", "FORGET", node_id)
        settled = not self._restart_link(table) and self._is_settled(table)
        is_leader = self._who.ordinal == 0
        now = time.monotonic()
        if settled and not self._formed and self.ready()[0]:
            self._ask("CONFIG", "SET", "cluster-node-timeout", NODE_TIMEOUT_MS)
            self._formed = True
        if not settled:
            self._quiet_since = now
        elif self._looked_at is not None and now - self._looked_at < LOOK_EVERY_S and not self._access.is_open:
            return True
        peers = self._peers(table)
        complete = len(peers) == self._who.size - 1
        self._access.admit(self._ask, [peer.pod for peer in peers if not peer.has_users], complete)
        self._looked_at = now
        own = self._member(self._who.ordinal, self._who.ip, self.status()[1])
        for peer in plan.nodes_to_meet(own, peers):
            log.info("meeting %s at %s", peer.pod, peer.ip)
            self._ask("CLUSTER", "MEET", peer.ip, self._who.redis_port)
        if is_leader and complete and (not settled or now - self._quiet_since >= SPREAD_EVERY_S):
            self._assign_roles([own, *peers], settled)
        return settled

    def _restart_link(self, table: list[nodes.Node]) -> bool:
        """Makes a replica dial its master again if it dials another address, or if its link stays down.

        Returns:
            True if the link was restarted.
        """
        link, master = self._link(), replication.find_master(table)
        now = time.monotonic()
        if link.up or link.syncing or master is None or not master.healthy:
            self._link_down_since = None
        elif self._link_down_since is None:
            self._link_down_since = now
        stuck = self._link_down_since is not None and now - self._link_down_since >= replication.STUCK_AFTER_S
        elsewhere = replication.dials_other_address(link, master, self._who.redis_port)
        if master is None or not (elsewhere or (stuck and self._responds(master.ip))):
            return False
        log.info("replicating %s at %s again, because the link to %s:%d is %s", master.hostname, master.ip, *link.address, "up" if link.up else "down")
        self._ask("CLUSTER", "REPLICATE", master.id)
        self._link_down_since = None
        return True

    def _responds(self, ip: str) -> bool:
        try:
            with self._connect(ip) as redis:
                return bool(redis.command("PING") == "PONG")
        except (OSError, CommandError):  # also LOADING: no replica can sync yet
            return False

    def _is_settled(self, table: list[nodes.Node]) -> bool:
        complete = len(table) == self._who.size and all(node.healthy for node in table)
        empty = any(node.master is None and not node.slots for node in table)
        gaps = nodes.unowned(slots for node in table for slots in node.slots)
        return complete and not empty and not gaps

    def _assign_roles(self, members: list[plan.Member], settled: bool) -> None:
        steps = plan.decide(members)
        if settled and not steps:
            steps = plan.spread(members)
            self._quiet_since = time.monotonic()
        addresses = {member.pod: member.ip for member in members}
        for step in steps:
            log.info("%s: %s", step.pod, step.reason)
            self._command(addresses[step.pod], *step.command)

    def fail_over(self, timeout_s: float = 3.0) -> bool:
        """Promotes a replica of this master, before this pod terminates.

        Without it, nobody could write to the shard until the other nodes notice
        that its master is gone.

        Args:
            timeout_s: seconds to wait for the replica.

        Returns:
            True if a replica became the master in time; False also if there is none.
        """
        try:
            table = nodes.parse_nodes(self._ask("CLUSTER", "NODES"))
            me = nodes.myself(table)
            replicas = [node for node in table if node.master == me.id and node.healthy]
            if not me.slots or not replicas:
                return False
            self._command(replicas[0].ip, "CLUSTER", "FAILOVER")
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                if self._ask("ROLE")[0] == "slave":
                    log.info("%s is the new master", replicas[0].hostname or replicas[0].ip)
                    return True
                time.sleep(0.05)
        except (OSError, ValueError, CommandError) as error:
            log.info("no replica became the master: %s", error)
        return False

    # Requests.

    def _connect(self, ip: str) -> Connection:
        return Connection(ip, self._who.redis_port, logins=self._access.logins)

    def _ask(self, *words: str | int) -> Any:
        # Each command has its own connection: it is local, and can't be stale.
        with self._connect(self._who.ip) as redis:
            return redis.command(*words)

    def _command(self, ip: str, *words: str | int) -> None:
        """Sends a command to another pod's Redis, and logs the result."""
        shown = f"{ip}: {' '.join(map(str, words))}"
        try:
            with self._connect(ip) as redis:
                redis.command(*words)
            log.info("%s", shown)
        except (OSError, CommandError) as error:
            log.warning("%s failed: %s", shown, error)

    def _link(self) -> replication.Link:
        return replication.parse_link(self._ask("INFO", "replication"))

    def _link_up(self, table: list[nodes.Node]) -> bool:
        link = self._link()
        wrong = replication.dials_other_address(link, replication.find_master(table), self._who.redis_port)
        return not link.is_replica or (link.up and not wrong)

    def _peers(self, table: list[nodes.Node]) -> list[plan.Member]:
        # DNS may cache for seconds that a new pod does not exist. Pods that have found us are in
        # Redis's own table of nodes, with their addresses.
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
        except (OSError, ValueError, http.client.HTTPException):  # not started yet
            return None
        # An address can be stale and belong to another pod by now.
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
            has_users=status.get("users") is True,
        )


def _fetch_json(host: str, port: int, path: str) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()
