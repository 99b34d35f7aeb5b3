"""Tests of the store monitor with an in-memory store."""

import queue
import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from python.server.places import Place
from python.server.store_monitor import NotReady, StoreMonitor
from python.server.testing.fake_store import FakeStore

PLACES = [Place("A/One", 1.0, 2.0, ("AA",)), Place("B/Two", 3.0, 4.0, ("BB",))]


class Scene:
    """A monitor that connects to the given stores in turn, and the changes that it reports."""

    def __init__(self, stores, explain):
        self.changes = queue.Queue()
        self.opened = []
        self._stores = iter(stores)
        self.monitor = StoreMonitor(self._connect, PLACES, self.changes.put, probe_every_s=0.01, recheck_every=2, explain=explain)
        self.monitor.start()

    def _connect(self):
        store = next(self._stores)
        if isinstance(store, Exception):
            raise store
        self.opened.append(store)
        return store

    def change(self):
        """Waits for the next reported change and returns it."""
        return self.changes.get(timeout=5)


@pytest.fixture
def scene():
    """Returns a function that creates scenes, and stops their monitors after the test."""
    scenes = []

    def make(*stores, explain=lambda error: ""):
        scenes.append(Scene(stores, explain))
        return scenes[-1]

    yield make
    for one in scenes:
        one.monitor.stop()


def test_writes_places_before_it_reports_ready(scene):
    """The monitor reports a usable store when the store has all places."""
    store = FakeStore()
    running = scene(store)

    assert running.change() is True
    assert running.monitor.store() is store
    assert store.missing(PLACES) == []


def test_connects_again_until_redis_responds(scene):
    """After a refused connection the monitor tries again."""
    running = scene(RedisConnectionError("refused"), FakeStore())

    assert running.change() is True


def test_not_ready_says_why():
    """Before the first connection, store() raises NotReady with the reason."""
    monitor = StoreMonitor(FakeStore, PLACES, lambda _: None)

    with pytest.raises(NotReady, match="not connected to Redis yet"):
        monitor.store()


def test_a_lost_redis_is_reported_and_replaced(scene):
    """If Redis fails, the monitor reports it once, closes the store and connects to a new one."""
    first, second = FakeStore(), FakeStore()
    running = scene(first, second)
    assert running.change() is True

    first.down = True

    assert running.change() is False
    assert running.change() is True
    assert first.closed
    assert running.monitor.store() is second


def test_lost_places_are_written_again(scene):
    """A place that disappears from Redis is written again."""
    store = FakeStore()
    running = scene(store, store)
    assert running.change() is True

    store.forget("A/One")
    deadline = time.monotonic() + 5
    while store.missing(PLACES) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert store.missing(PLACES) == []


def test_a_better_explanation_is_the_reason(scene, caplog):
    """What an error explains is logged once, however often the monitor tries."""
    refused = RedisConnectionError("no")
    running = scene(*[refused] * 3, FakeStore(), explain=lambda error: f"the password is wrong ({error})")
    assert running.change() is True

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ["the password is wrong (no)"]
