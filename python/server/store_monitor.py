"""Monitor of the store: connects to Redis, writes missing places, probes, and reconnects."""

import logging
import threading
from collections.abc import Callable, Sequence

from python.common import backoff
from python.server.places import Place
from python.server.store import STORE_ERRORS, PlacesMissing, PlaceStore

log = logging.getLogger(__name__)

# A Redis Cluster that forms, or fails over, is usable again within seconds, and an attempt costs it next to nothing.
_LONGEST_WAIT_S = 0.5


class NotReady(RuntimeError):
    """There is no usable store at the moment; the text says why."""


class StoreMonitor:
    """Owner of the current PlaceStore.

    A thread connects to Redis, writes missing places, then probes. If a probe
    fails, the thread closes the store, calls `on_change(False)` and reconnects. It
    resolves the host again, so it recovers even if all Redis pods have new
    addresses. A probe also detects lost data, and the thread writes it again.
    """

    def __init__(
        self,
        connect: Callable[[], PlaceStore],
        places: Sequence[Place],
        on_change: Callable[[bool], None],
        *,
        probe_every_s: float = 1.0,
        recheck_every: int = 30,
        explain: Callable[[BaseException], str] = lambda error: "",
    ) -> None:
        """Keeps the settings.

        Args:
            connect: returns a connected store, or raises one of STORE_ERRORS.
            places: the places that the store must have.
            on_change: called with True when the store becomes usable, and with
                False when it no longer is; from the monitor's thread.
            probe_every_s: seconds between two probes.
            recheck_every: number of probes after which all places are compared
                and not only counted.
            explain: returns a sentence on an error that says what to do; "" if it knows nothing better.
        """
        self._connect = connect
        self._places = places
        self._on_change = on_change
        self._probe_every_s = probe_every_s
        self._recheck_every = recheck_every
        self._explain = explain
        self._store: PlaceStore | None = None
        self._reason = "not connected to Redis yet"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-monitor", daemon=True)

    def start(self) -> None:
        """Starts the thread that connects to Redis."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the thread and closes the store."""
        self._stopping.set()
        self._thread.join()

    def store(self) -> PlaceStore:
        """Returns the usable store.

        Raises:
            NotReady: there is no usable store.
        """
        store = self._store
        if store is None:
            raise NotReady(self._reason)
        return store

    def _run(self) -> None:
        waits = backoff.delays(0.1, _LONGEST_WAIT_S)
        while not self._stopping.is_set():
            store = None
            try:
                store = self._connect()
                self._fill(store)
                waits = backoff.delays(0.1, _LONGEST_WAIT_S)
                self._watch(store)
            except STORE_ERRORS as error:
                self._drop(error)
            finally:
                self._store = None
                if store is not None:
                    store.close()
            self._stopping.wait(next(waits))

    def _fill(self, store: PlaceStore) -> None:
        written = store.fill(self._places)
        missing = store.missing(self._places)
        if missing:
            raise PlacesMissing(f"{len(missing)} of {len(self._places)} places are missing after writing them")
        log.info("Redis has all %d places (%d written now)", len(self._places), written)

    def _watch(self, store: PlaceStore) -> None:
        self._store = store
        self._on_change(True)
        count = 0
        while not self._stopping.wait(self._probe_every_s):
            store.probe(len(self._places))
            count += 1
            if count % self._recheck_every == 0 and store.fill(self._places):
                log.warning("some places were missing from Redis and are written again")

    def _drop(self, error: Exception) -> None:
        reason = self._explain(error) or f"Redis does not respond: {type(error).__name__}: {error}"
        was_usable = self._store is not None
        if was_usable or reason != self._reason:  # log each state once, not each attempt
            log.warning("%s", reason)
        self._reason = reason
        self._store = None
        if was_usable:
            self._on_change(False)
