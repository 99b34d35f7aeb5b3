"""Tests of the keeper with an in-memory store."""

import queue
import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from python.server.testing.fake_store import FakeStore
from python.server.keeper import Keeper, NotReady
from python.server.places import Place

PLACES = [Place("A/One", 1.0, 2.0, ("AA",)), Place("B/Two", 3.0, 4.0, ("BB",))]


class Scene:
    """A keeper whose connections come from `stores`, and what it reported."""

    def __init__(self, stores):
        self.changes = queue.Queue()
        self.opened = []
        self._stores = iter(stores)
        self.keeper = Keeper(
            self._connect, PLACES, self.changes.put, probe_every_s=0.01, recheck_every=2
        )
        self.keeper.start()

    def _connect(self):
        store = next(self._stores)
        if isinstance(store, Exception):
            raise store
        self.opened.append(store)
        return store

    def change(self):
        """Returns the next reported change."""
        return self.changes.get(timeout=5)


@pytest.fixture
def scene():
    """Makes scenes and stops their keepers in the end."""
    scenes = []

    def make(*stores):
        scenes.append(Scene(stores))
        return scenes[-1]

    yield make
    for one in scenes:
        one.keeper.stop()


def test_fills_before_it_says_ready(scene):
    """The first change comes when the store holds all places."""
    store = FakeStore()
    running = scene(store)

    assert running.change() is True
    assert running.keeper.store() is store
    assert store.missing(PLACES) == []


def test_tries_again_until_redis_answers(scene):
    """A refused connection is no end; the reason is told meanwhile."""
    running = scene(RedisConnectionError("refused"), FakeStore())

    assert running.change() is True


def test_not_ready_says_why():
    """Before the first connection there is no store, and the text says so."""
    keeper = Keeper(FakeStore, PLACES, lambda _: None)

    with pytest.raises(NotReady, match="not connected to Redis yet"):
        keeper.store()


def test_a_lost_redis_is_reported_and_replaced(scene):
    """Down is reported once, the old store is closed, a new one is taken."""
    first, second = FakeStore(), FakeStore()
    running = scene(first, second)
    assert running.change() is True

    first.down = True

    assert running.change() is False
    assert running.change() is True
    assert first.closed
    assert running.keeper.store() is second


def test_lost_places_are_filled_in_again(scene):
    """A place that vanishes from an answering Redis comes back."""
    store = FakeStore()
    running = scene(store, store)
    assert running.change() is True

    store.forget("A/One")
    deadline = time.monotonic() + 5
    while store.missing(PLACES) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert store.missing(PLACES) == []
