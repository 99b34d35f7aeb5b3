"""Store of places and notes in the Redis Cluster.

Keys:
    places:index     geo set of all names, for searches by position
    place:NAME       hash of one place: latitude, longitude, countries, remark
    notes:NAME       list of the last notes at a place, newest first
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.backoff import ExponentialBackoff
from redis.cluster import RedisCluster
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException, RedisError
from redis.retry import Retry

from python.server import geo
from python.server.places import Place

INDEX = "places:index"
NOTES_KEPT = 10
NOTES_TTL_S = 3600

STORE_ERRORS = (RedisError, RedisClusterException, OSError)
"""Errors of `connect` and of PlaceStore's methods if Redis does not respond."""


class PlacesMissing(RedisError):
    """Redis responds, but does not have all places."""


class PasswordRefused(RedisError):
    """There is no password to send."""


_REFUSALS = (AuthenticationError, NoPermissionError, PasswordRefused)


class UnknownPlace(LookupError):
    """There is no place with this name."""


@dataclass(frozen=True)
class StoredNote:
    """A stored note.

    Attributes:
        author: author of the note.
        text: text of the note.
        age_s: age in whole seconds.
    """

    author: str
    text: str
    age_s: int


class Login(CredentialProvider):
    """User and password, read for each new connection, so that a changed Secret needs no restart.

    The file is a key of a mounted Secret: its name is that of the user, and its folder's that of the Secret.
    """

    def __init__(self, path: Path) -> None:
        """Keeps the path of the file."""
        self._path = path

    def get_credentials(self) -> tuple[str, str]:
        """Returns user and password.

        Raises:
            RedisError: the file can't be read, or is empty.
        """
        try:
            password = self._path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PasswordRefused(f"the password can't be read ({type(error).__name__})") from None
        if not password:
            raise PasswordRefused("the password is empty")
        return self._path.name, password

    def explain(self, error: BaseException) -> str:
        """Returns one sentence on an error that is about user or password, "" for others."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, _REFUSALS):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            return ""
        return (
            f"Redis can't be used as user {self._path.name!r} with the password in {self._path} ({str(cause).rstrip('.')}). Pods have a changed Secret within "
            f"two minutes; if this stays, apply Redis, which makes the Secret {self._path.parent.name}, and restart this server."
        )


def connect(host: str, port: int, login: Login) -> RedisCluster:
    """Connects to a Redis Cluster.

    Each client resolves the host again and finds the nodes only through it. So a
    new client works even if all nodes have new addresses.

    Args:
        host: name or address of any node.
        port: port of the nodes.
        login: user and password.

    Returns:
        The client.

    Raises:
        RedisError: no node responds, or some slots have no master; see also STORE_ERRORS.
    """
    return RedisCluster(
        host=host,
        port=port,
        dynamic_startup_nodes=False,
        require_full_coverage=True,
        socket_connect_timeout=1.0,
        socket_timeout=2.0,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
        decode_responses=True,
        credential_provider=login,
    )


def place_key(name: str) -> str:
    """Returns the key of a place's hash."""
    return f"place:{name}"


def _fields(place: Place) -> dict[str, str]:
    return {
        "latitude": repr(place.latitude),
        "longitude": repr(place.longitude),
        "countries": ",".join(place.countries),
        "remark": place.remark,
    }


def _place(name: str, fields: dict[str, str]) -> Place:
    return Place(
        name,
        float(fields["latitude"]),
        float(fields["longitude"]),
        tuple(fields["countries"].split(",")),
        fields["remark"],
    )


class PlaceStore:
    """Reads and writes places and notes.

    Every method raises one of STORE_ERRORS if Redis does not respond. It is safe to
    use from several threads.
    """

    def __init__(self, client: RedisCluster) -> None:
        """Keeps the client."""
        self._client = client

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def origin(self, key: str) -> str:
        """Returns "redis IP:PORT", the address of the master that owns the key."""
        node = self._client.get_node_from_key(key)  # type: ignore[no-untyped-call]  # redis ships it without types
        return f"redis {node.name}" if node else "redis"

    def missing(self, places: Iterable[Place]) -> list[Place]:
        """Returns the places that Redis lacks or has with other values."""
        wanted = list(places)
        names = [place.name for place in wanted]
        pipeline = self._client.pipeline()  # type: ignore[no-untyped-call]  # redis ships it without types
        for name in names:
            pipeline.hgetall(place_key(name))
        hashes = pipeline.execute()
        positions = self._client.geopos(INDEX, *names)
        return [place for place, fields, position in zip(wanted, hashes, positions, strict=True) if fields != _fields(place) or position is None]

    def fill(self, places: Iterable[Place]) -> int:
        """Writes the missing places and returns their number.

        It is idempotent, even if several servers fill the store at the same time.
        """
        lacking = self.missing(places)
        if not lacking:
            return 0
        pipeline = self._client.pipeline()  # type: ignore[no-untyped-call]  # redis ships it without types
        for place in lacking:
            pipeline.hset(place_key(place.name), mapping=_fields(place))
        pipeline.execute()
        triples = [(place.longitude, place.latitude, place.name) for place in lacking]
        self._client.geoadd(INDEX, [value for triple in triples for value in triple])
        return len(lacking)

    def probe(self, expected: int) -> None:
        """Pings every master and checks that the index has all places.

        Args:
            expected: number of places.

        Raises:
            PlacesMissing: the index has fewer places.
        """
        self._client.ping(target_nodes=RedisCluster.PRIMARIES)
        found = self._client.zcard(INDEX)
        if found < expected:
            raise PlacesMissing(f"the index has {found} of {expected} places")

    def get(self, name: str) -> Place:
        """Returns the place with the given name.

        Raises:
            UnknownPlace: there is no such place.
        """
        fields: dict[str, Any] = self._client.hgetall(place_key(name))  # type: ignore[assignment]  # `connect` asks for text
        if not fields:
            raise UnknownPlace(name)
        return _place(name, fields)

    def near(self, latitude: float, longitude: float, radius_km: float, limit: int | None = None) -> list[tuple[str, float]]:
        """Returns the places within a radius, sorted by distance.

        Args:
            latitude: degrees north.
            longitude: degrees east.
            radius_km: radius in km, at most `geo.MAX_DISTANCE_KM`.
            limit: maximum number of places; None for all.

        Returns:
            Pairs of name and distance in km.
        """
        rows: list[Any] = self._client.geosearch(
            INDEX,
            longitude=longitude,
            latitude=latitude,
            radius=radius_km,
            unit="km",
            sort="ASC",
            count=limit,
            withdist=True,
        )
        return [(name, float(distance)) for name, distance in rows]

    def nearest(self, latitude: float, longitude: float) -> tuple[str, float]:
        """Returns name and distance in km of the place nearest to a position.

        Raises:
            UnknownPlace: there are no places.
        """
        rows = self.near(latitude, longitude, geo.MAX_DISTANCE_KM, limit=1)
        if not rows:
            raise UnknownPlace("any")
        return rows[0]

    def leave_note(self, name: str, author: str, text: str) -> list[StoredNote]:
        """Stores a note at a place and returns the earlier notes there.

        Redis keeps the last NOTES_KEPT notes of a place, for NOTES_TTL_S seconds
        after the newest. Reading and writing are one transaction.

        Args:
            name: name of the place.
            author: author of the note.
            text: text of the note.

        Returns:
            The earlier notes, oldest first.

        Raises:
            UnknownPlace: there is no place with this name.
        """
        self.get(name)
        now = time.time()
        key = f"notes:{name}"
        transaction = self._client.pipeline(transaction=True)  # type: ignore[no-untyped-call]  # redis ships it without types
        transaction.lrange(key, 0, NOTES_KEPT - 1)
        transaction.lpush(key, json.dumps({"author": author, "text": text, "at": now}))
        transaction.ltrim(key, 0, NOTES_KEPT - 1)
        transaction.expire(key, NOTES_TTL_S)
        earlier = [json.loads(row) for row in transaction.execute()[0]]
        return [StoredNote(row["author"], row["text"], max(0, int(now - row["at"]))) for row in reversed(earlier)]
