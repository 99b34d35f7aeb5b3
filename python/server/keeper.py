"""Keeps a filled store within reach: connects, fills, watches, and begins again."""

import logging
import threading
from collections.abc import Callable, Sequence

from python.common import backoff
from python.server.places import Place
from python.server.store import STORE_ERRORS, PlacesMissing, PlaceStore

log = logging.getLogger(__name__)


class NotReady(RuntimeError):
    """There is no filled store at the moment; the text says why."""


class Keeper:
    """Owns the current PlaceStore and tells whether it can be used.

    One thread connects to Redis, fills in what is missing, then probes. When a
    probe fails the store is dropped, `on_change(False)` is called and the thread
    connects anew, looking the address up again; so it recovers when all Redis
    pods moved. A probe also sees lost data: it then fills again.
    """

    def __init__(
        self,
        connect: Callable[[], PlaceStore],
        places: Sequence[Place],
        on_change: Callable[[bool], None],
        *,
        probe_every_s: float = 1.0,
        recheck_every: int = 30,
    ) -> None:
        """Args:
        connect: opens a store, or raises one of STORE_ERRORS.
        places: what the store must hold.
        on_change: called with True when the store is usable, with False when
            it no longer is; from the keeper's thread.
        probe_every_s: seconds between probes.
        recheck_every: every so many probes all places are compared, not only
            counted.
        """
        self._connect = connect
        self._places = places
        self._on_change = on_change
        self._probe_every_s = probe_every_s
        self._recheck_every = recheck_every
        self._store: PlaceStore | None = None
        self._reason = "not connected to Redis yet"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begins to connect, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and closes the store."""
        self._stopping.set()
        self._thread.join()

    def store(self) -> PlaceStore:
        """Returns the usable store.

        Raises:
            NotReady: there is none now.
        """
        store = self._store
        if store is None:
            raise NotReady(self._reason)
        return store

    def _run(self) -> None:
        waits = backoff.delays(0.2, 2.0)
        while not self._stopping.is_set():
            store = None
            try:
                store = self._connect()
                self._fill(store)
                waits = backoff.delays(0.2, 2.0)
                self._watch(store)
            except STORE_ERRORS as error:
                self._lost(error)
            finally:
                self._store = None
                if store is not None:
                    store.close()
            self._stopping.wait(next(waits))

    def _fill(self, store: PlaceStore) -> None:
        written = store.fill(self._places)
        lacking = store.missing(self._places)
        if lacking:
            raise PlacesMissing(f"{len(lacking)} of {len(self._places)} places after filling")
        log.info("Redis holds all %d places (%d written now)", len(self._places), written)

    def _watch(self, store: PlaceStore) -> None:
        self._store = store
        self._on_change(True)
        count = 0
        while not self._stopping.wait(self._probe_every_s):
            store.probe(len(self._places))
            count += 1
            if count % self._recheck_every == 0 and store.fill(self._places):
                log.warning("places were missing from Redis and have been filled in again")

    def _lost(self, error: Exception) -> None:
        reason = f"Redis does not serve: {type(error).__name__}: {error}"
        was_usable = self._store is not None
        if was_usable or reason != self._reason:  # say each state once, not each attempt
            log.warning("%s", reason)
        self._reason = reason
        self._store = None
        if was_usable:
            self._on_change(False)
