"""In-memory fake of PlaceStore, for tests."""

from collections.abc import Iterable

from redis.exceptions import ConnectionError as RedisConnectionError

from python.server import geo
from python.server.places import Place
from python.server.store import PlacesMissing, StoredNote, UnknownPlace


class FakeStore:
    """In-memory PlaceStore.

    Attributes:
        down: if True, every method raises redis-py's error for an unreachable server.
        closed: True after `close`.
    """

    def __init__(self, places: Iterable[Place] = ()) -> None:
        """Stores the places."""
        self._places = {place.name: place for place in places}
        self._notes: dict[str, list[tuple[str, str]]] = {}
        self.down = False
        self.closed = False

    def _check(self) -> None:
        if self.down:
            raise RedisConnectionError("Connection refused.")

    def close(self) -> None:
        """Sets `closed`."""
        self.closed = True

    def forget(self, name: str) -> None:
        """Removes a place, as if its shard had lost its data."""
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
            raise PlacesMissing(f"the index has {len(self._places)} of {expected} places")

    def get(self, name: str) -> Place:
        """See PlaceStore."""
        self._check()
        if name not in self._places:
            raise UnknownPlace(name)
        return self._places[name]

    def near(self, latitude: float, longitude: float, radius_km: float, limit: int | None = None) -> list[tuple[str, float]]:
        """See PlaceStore."""
        self._check()
        here = (latitude, longitude)
        rows = [(name, geo.distance_km(here, (place.latitude, place.longitude))) for name, place in self._places.items()]
        rows.sort(key=lambda row: row[1])
        return [row for row in rows if row[1] <= radius_km][:limit]

    def nearest(self, latitude: float, longitude: float) -> tuple[str, float]:
        """See PlaceStore."""
        rows = self.near(latitude, longitude, geo.MAX_DISTANCE_KM, 1)
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
