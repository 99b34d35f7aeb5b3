"""An in-memory stand-in for PlaceStore: for tests of what uses a store."""

from collections.abc import Iterable

from redis.exceptions import ConnectionError as RedisConnectionError

from python.server import geo
from python.server.places import Place
from python.server.store import PlacesMissing, StoredNote, UnknownPlace


class FakeStore:
    """Behaves as PlaceStore does on a cluster that only this process uses.

    Attributes:
        down: while True every method raises what redis-py raises without a server.
        closed: whether `close` was called.
    """

    def __init__(self, places: Iterable[Place] = ()) -> None:
        self._places = {place.name: place for place in places}
        self._notes: dict[str, list[tuple[str, str]]] = {}
        self.down = False
        self.closed = False

    def _check(self) -> None:
        if self.down:
            raise RedisConnectionError("Connection refused.")

    def close(self) -> None:
        """Remembers that it was closed."""
        self.closed = True

    def forget(self, name: str) -> None:
        """Loses a place, as a shard whose volumes are lost does."""
        del self._places[name]

    def origin(self, key: str) -> str:
        """Returns a fixed origin."""
        return "redis fake:6379"

    def missing(self, places: Iterable[Place]) -> list[Place]:
        """See PlaceStore."""
        self._check()
        return [place for place in places if self._places.get(place.name) != place]

    def fill(self, places: Iterable[Place]) -> int:
        """See PlaceStore."""
        lacking = self.missing(places)
        self._places.update((place.name, place) for place in lacking)
        return len(lacking)

    def probe(self, expected: int) -> None:
        """See PlaceStore."""
        self._check()
        if len(self._places) < expected:
            raise PlacesMissing(f"the index holds {len(self._places)} of {expected} places")

    def get(self, name: str) -> Place:
        """See PlaceStore."""
        self._check()
        if name not in self._places:
            raise UnknownPlace(name)
        return self._places[name]

    def near(
        self, latitude: float, longitude: float, radius_km: float, limit: int | None = None
    ) -> list[tuple[str, float]]:
        """See PlaceStore."""
        self._check()
        here = (latitude, longitude)
        rows = [
            (name, geo.distance_km(here, (place.latitude, place.longitude)))
            for name, place in self._places.items()
        ]
        rows.sort(key=lambda row: row[1])
        return [row for row in rows if row[1] <= radius_km][:limit]

    def nearest(self, latitude: float, longitude: float) -> tuple[str, float]:
        """See PlaceStore."""
        rows = self.near(latitude, longitude, geo.HALF_WAY_ROUND_KM, 1)
        if not rows:
            raise UnknownPlace("any")
        return rows[0]

    def leave_note(self, name: str, author: str, text: str) -> list[StoredNote]:
        """See PlaceStore; every note is 0 s old."""
        self.get(name)
        earlier = self._notes.setdefault(name, [])
        result = [StoredNote(*note, 0) for note in earlier]
        earlier.append((author, text))
        return result
