"""Who may connect to this pod's Redis: users with passwords from a Secret.

The Secret is mounted as a folder with a file per user. redis-server gets the hashes of the passwords on its stdin: they are in no
argument, environment variable or file of the container.

A replica finds its master by address, and Redis does not check who is there. Pods change their addresses, so another master can be at
the old one; the replica would discard its data, take over the other's, and lose the shard when it became master. Therefore each node has
a replication password of its own (`replication_password`), made of the Secret's and the node's ID, and a replica logs in with that of
its master: at any other node the login fails.

While a rolling update of a version without users is under way, `Access` lets everybody in, as that version did: its nodes could
neither replicate this one nor ask it for a failover otherwise.
"""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

AGENT = "agent"
REPLICA = "replica"
USERS: Mapping[str, str] = {
    # The agents: the state of the cluster and its repair; no keys. It can change users, so it is as strong as all of them.
    AGENT: "+ping +info +role +cluster +config|get +config|set +acl|setuser +client|kill +client|list",
    # What a replica sends to its master.
    REPLICA: "+ping +replconf +psync",
    # The servers of the sample (Python, Java and Go): their keys, and the commands that they and their client libraries send.
    "places": (
        "~place:* ~places:* ~notes:* "
        "+ping +command +cluster|slots +cluster|shards +cluster|nodes +readonly +asking +multi +exec +discard +eval "
        "+hgetall +hset +geopos +geoadd +geosearch +zcard +lrange +lpush +ltrim +expire"
    ),
}
"""Users and their rules; the keys of the Secret have the same names."""
OPEN_FOR_S = 30.0
"""Seconds for which Redis still accepts connections without a password after all nodes know the users, so that new clients can start."""
FORMER_FOR_S = 300.0
"""Seconds for which a former password is still valid. A changed Secret reaches all pods within two minutes."""

_EVERYTHING = ("on", "nopass", "allkeys", "allchannels", "allcommands")
_PASSWORD = re.compile(r"[!-~]+")

Ask = Callable[..., Any]
"""Sends a command to this pod's Redis and returns the reply."""


class PasswordError(ValueError):
    """A password can't be read; the text names the file and says what to do."""


def read_passwords(folder: Path) -> dict[str, str]:
    """Returns the password of each user.

    Args:
        folder: folder of the mounted Secret.

    Raises:
        PasswordError: a file is missing, empty, or has characters that are not allowed. The text does not contain them.
    """
    found = {}
    for user in USERS:
        path = folder / user
        advice = f"Apply the Secret {folder.name} again."
        try:
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordError(f"{path}: the password of user {user!r} can't be read ({type(error).__name__}). {advice}") from None
        if not _PASSWORD.fullmatch(text):
            raise PasswordError(f"{path}: the password of user {user!r} is empty or has other characters than visible ASCII ones. {advice}")
        found[user] = text
    return found


def replication_password(secret: str, node_id: str) -> str:
    """Returns the password with which replicas of one node log in there.

    Args:
        secret: the password of the user `replica` in the Secret.
        node_id: the node's ID in CLUSTER NODES.
    """
    return hmac.new(secret.encode(), node_id.encode(), hashlib.sha256).hexdigest()


def _hash(password: str) -> str:
    """Returns a password as an ACL rule has it."""
    return "#" + hashlib.sha256(password.encode()).hexdigest()


class Access:
    """Users of one redis-server.

    Args:
        folder: folder of the mounted Secret.

    Raises:
        PasswordError: a password can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passwords = read_passwords(folder)
        self._former: list[tuple[float, dict[str, str]]] = []
        self._problem = ""
        self._is_open = False
        self._complete_since: float | None = None
        self._own = ""
        self._master = ""

    @property
    def is_open(self) -> bool:
        """True while Redis accepts connections without a password."""
        return self._is_open

    @property
    def logins(self) -> list[tuple[str, str]]:
        """The agent's user and password, for any pod; after them the former ones, for a pod that does not have the changed Secret yet."""
        return [(AGENT, passwords[AGENT]) for passwords in (self._passwords, *(former for _, former in self._former))]

    def configuration(self) -> str:
        """Returns the part of redis-server's configuration with the users; no replica gets in or out before `identify`."""
        states = {user: "off" if user == REPLICA else f"on {_hash(self._passwords[user])}" for user in USERS}
        users = [f"user {user} {states[user]} resetkeys resetchannels {rules}" for user, rules in USERS.items()]
        return "\n".join(["user default reset", *users, f"masteruser {REPLICA}", ""])

    def identify(self, ask: Ask, own: str, master: str | None) -> None:
        """Lets replicas of this node in, and logs this node in at its own master and nowhere else.

        Args:
            ask: sends a command to this pod's Redis.
            own: this node's ID.
            master: the ID of the node that it replicates; None for a master.

        Raises:
            OSError: Redis does not respond.
            CommandError: Redis rejected a command.
        """
        if own != self._own:
            ask("ACL", "SETUSER", REPLICA, "on", _hash(replication_password(self._passwords[REPLICA], own)))
            self._own = own
        if (master or "") != self._master:
            self._master = master or ""
            if self._sends_password:
                self._send_password(ask)

    def renew(self, ask: Ask) -> None:
        """Takes over passwords of a changed Secret, and ends former ones whose time is up. If one can't be read, those in use stay.

        Raises:
            OSError: Redis does not respond.
            CommandError: Redis rejected a command.
        """
        now, passwords = time.monotonic(), self._read_again()
        if passwords != self._passwords:
            self._former.insert(0, (now + FORMER_FOR_S, self._passwords))
            self._passwords = passwords
            for user in USERS:
                for password in self._valid(user, passwords):
                    ask("ACL", "SETUSER", user, _hash(password))
            if self._sends_password:
                self._send_password(ask)
            log.info("the Secret %s has changed; its new passwords are valid", self._folder.name)
        for end, former in [each for each in self._former if now >= each[0]]:
            for user in USERS:
                if former[user] not in [others[user] for others in (self._passwords, *(other for _, other in self._former if other is not former))]:
                    for password in self._valid(user, former):
                        ask("ACL", "SETUSER", user, f"!{_hash(password)[1:]}")
            self._former.remove((end, former))

    def _valid(self, user: str, passwords: Mapping[str, str]) -> list[str]:
        """Returns the password of a user on this node; none for replicas while the node's ID is not known."""
        if user != REPLICA:
            return [passwords[user]]
        return [replication_password(passwords[REPLICA], self._own)] if self._own else []

    def _read_again(self) -> dict[str, str]:
        """Returns the passwords of the Secret, or those in use if one can't be read, which it logs once."""
        problem, passwords = "", self._passwords
        try:
            passwords = read_passwords(self._folder)
        except PasswordError as error:
            problem = str(error)
        if problem and problem != self._problem:
            log.warning("%s The passwords in use stay valid.", problem)
        self._problem = problem
        return passwords

    def admit(self, ask: Ask, former: Sequence[str], complete: bool) -> None:
        """Opens Redis for nodes of a version without users, and closes it again once there are none.

        Only a pod of this StatefulSet can ask for that: `former` has pods whose agent answered at the pod's own address.

        Args:
            ask: sends a command to this pod's Redis.
            former: names of the other pods that run a version without users.
            complete: True if all other pods have responded.

        Raises:
            OSError: Redis does not respond.
            CommandError: Redis rejected a command.
        """
        if former:
            if not self._is_open or self._complete_since is not None:
                ask("ACL", "SETUSER", "default", *_EVERYTHING)
                ask("CONFIG", "SET", "masteruser", "", "masterauth", "")
                log.warning("Redis accepts connections without a password while %s runs a version without users", former[0])
            self._is_open, self._complete_since = True, None
        elif self._is_open and complete:
            if self._complete_since is None:
                self._send_password(ask)
                self._complete_since = time.monotonic()
            elif time.monotonic() - self._complete_since >= OPEN_FOR_S:
                ask("ACL", "SETUSER", "default", "reset")
                ask("CLIENT", "KILL", "USER", "default")
                self._is_open, self._complete_since = False, None
                log.info("all pods know the users; Redis demands a password from now on")

    @property
    def _sends_password(self) -> bool:
        """True if this node, as a replica, authenticates itself. Nodes of a version without users would refuse that."""
        return not self._is_open or self._complete_since is not None

    def _send_password(self, ask: Ask) -> None:
        password = replication_password(self._passwords[REPLICA], self._master) if self._master else ""
        ask("CONFIG", "SET", "masteruser", REPLICA, "masterauth", password)
