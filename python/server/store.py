"""The places and notes as they lie in the Redis Cluster.

Keys (each on the shard that Redis Cluster's hash slots give it):
    places:index     geo set of all names, for searches by position
    place:NAME       hash of one place: latitude, longitude, countries, remark
    notes:NAME       list of the last notes left at a place, newest first
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.backoff import ExponentialBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from redis.retry import Retry

from python.server import geo
from python.server.places import Place

INDEX = "places:index"
NOTES_KEPT = 10
NOTES_TTL_S = 3600

STORE_ERRORS = (RedisError, RedisClusterException, OSError)
"""What connecting and PlaceStore's methods raise when Redis does not serve."""


class PlacesMissing(RedisError):
    """Redis answers, but does not hold all places."""


class UnknownPlace(LookupError):
    """A name that is not among the places."""


@dataclass(frozen=True)
class StoredNote:
    """A note as it was left: author, text and age in whole seconds."""

    author: str
    text: str
    age_s: int


def connect(host: str, port: int) -> RedisCluster:
    """Opens a client on the cluster that answers at host:port.

    The host is looked up anew for each client, and only it is used to find the
    nodes: when all nodes have moved to new addresses, a new client finds them.

    Raises:
        One of STORE_ERRORS: no node answers, or the slots are not all covered.
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
    )


def place_key(name: str) -> str:
    """The key of a place's hash."""
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
    """Reads and writes places and notes through one cluster client.

    Every method raises one of STORE_ERRORS when Redis does not serve. Safe to use
    from several threads, as the client is.
    """

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def origin(self, key: str) -> str:
        """Returns "redis IP:PORT" of the master that owns the key."""
        node = self._client.get_node_from_key(key)
        return f"redis {node.name}" if node else "redis"

    def missing(self, places: Iterable[Place]) -> list[Place]:
        """Returns those places that Redis lacks or holds with other values."""
        wanted = list(places)
        names = [place.name for place in wanted]
        pipeline = self._client.pipeline()
        for name in names:
            pipeline.hgetall(place_key(name))
        hashes = pipeline.execute()
        positions = self._client.geopos(INDEX, *names)
        return [
            place
            for place, fields, position in zip(wanted, hashes, positions, strict=True)
            if fields != _fields(place) or position is None
        ]

    def fill(self, places: Iterable[Place]) -> int:
        """Writes the places that are missing and returns how many those were.

        Filling twice, or from several servers at once, ends in the same state.
        """
        lacking = self.missing(places)
        if not lacking:
            return 0
        pipeline = self._client.pipeline()
        for place in lacking:
            pipeline.hset(place_key(place.name), mapping=_fields(place))
        pipeline.execute()
        triples = [(place.longitude, place.latitude, place.name) for place in lacking]
        self._client.geoadd(INDEX, [value for triple in triples for value in triple])
        return len(lacking)

    def probe(self, expected: int) -> None:
        """Asks every master, and checks that the index holds all places.

        Raises:
            PlacesMissing: places are gone.
        """
        self._client.ping(target_nodes=RedisCluster.PRIMARIES)
        found = self._client.zcard(INDEX)
        if found < expected:
            raise PlacesMissing(f"the index holds {found} of {expected} places")

    def get(self, name: str) -> Place:
        """Returns the place of that name.

        Raises:
            UnknownPlace: there is none.
        """
        fields = self._client.hgetall(place_key(name))
        if not fields:
            raise UnknownPlace(name)
        return _place(name, fields)

    def near(
        self, latitude: float, longitude: float, radius_km: float, limit: int | None = None
    ) -> list[tuple[str, float]]:
        """Returns (name, distance in km) of the places within radius_km, nearest first.

        Args:
            latitude: degrees north.
            longitude: degrees east.
            radius_km: at most `geo.HALF_WAY_ROUND_KM`.
            limit: how many at most; None means all.
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
        """Returns (name, distance in km) of the place nearest to a position.

        Raises:
            UnknownPlace: there are no places at all.
        """
        rows = self.near(latitude, longitude, geo.HALF_WAY_ROUND_KM, limit=1)
        if not rows:
            raise UnknownPlace("any")
        return rows[0]

    def leave_note(self, name: str, author: str, text: str) -> list[StoredNote]:
        """Leaves a note at a place and returns those left before, oldest first.

        The last NOTES_KEPT notes are kept, for NOTES_TTL_S seconds after the
        newest. Reading and writing are one transaction on the place's shard.

        Raises:
            UnknownPlace: there is no place of that name.
        """
        self.get(name)
        now = time.time()
        key = f"notes:{name}"
        transaction = self._client.pipeline(transaction=True)
        transaction.lrange(key, 0, NOTES_KEPT - 1)
        transaction.lpush(key, json.dumps({"author": author, "text": text, "at": now}))
        transaction.ltrim(key, 0, NOTES_KEPT - 1)
        transaction.expire(key, NOTES_TTL_S)
        earlier = [json.loads(row) for row in transaction.execute()[0]]
        return [
            StoredNote(row["author"], row["text"], max(0, int(now - row["at"])))
            for row in reversed(earlier)
        ]
