"""The lease of a stack, which admits one writer at a time: a Lease for each cluster, namespace and stack.

The Lease has the name of the stack's inventory (inventory.py). Its holder renews it while it writes. Others take over the
lease of a holder that died when it has expired by the API server's own clock, or at once if the holder was a process of this
machine that is gone. A run that changes nothing takes no lease, so it writes nothing.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Self

from rules.k8s.tools.api.client import FIELD_MANAGER, Client
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError, is_namespace_terminating
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.stack.lease_holder import PROCESS, Process, holder_name, is_gone, this_process
from rules.k8s.tools.stack.stack_location import STACK, parent_name

SECONDS = 15
"""How long a lease lasts without being renewed."""

_RENEW_SECONDS = 4.0
# An interrupted run ends within 2 s, including the release of its lease.
_RELEASE_SECONDS = 1.4
# How long it waits for the answers of its last writes.
_WRITES_SECONDS = 1.0
_POLL_SECONDS = 0.5
_SAY_SECONDS = 10.0


def _clock() -> float:
    """Returns seconds on a clock that also runs while the machine is asleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def is_free(lease: Object | None, now: str | None) -> bool:
    """Returns whether a lease may be taken.

    Args:
        lease: as the server gave it, None when there is none.
        now: the server's clock (an HTTP Date), None if unknown.
    """
    spec = (lease or {}).get("spec") or {}
    if not spec.get("holderIdentity"):
        return True
    process = Process.parse(((lease or {})["metadata"].get("annotations") or {}).get(PROCESS, ""))
    if process and is_gone(process):
        return True
    written = [entry.get("time") or "" for entry in (lease or {})["metadata"].get("managedFields") or []]
    if not now or not any(written):
        return False
    # Both times are the server's, in whole seconds: the holder's own clock does not matter.
    age = (parsedate_to_datetime(now) - datetime.datetime.fromisoformat(max(written))).total_seconds()
    return age > min(int(spec.get("leaseDurationSeconds") or SECONDS), 2 * SECONDS) + 1


class Lease:
    """The lease of one stack, as a context manager that releases it.

    Args:
        client: the API server.
        stack: label of the target that is applied.
        namespace: where the stack's inventory lives.
        say: writes a line of progress.
        wait: wait for another holder; False: fail instead.
        deadline: seconds to wait at most.
        name: of the stack's inventory; "" to derive it from the label alone.

    Attributes:
        held: True while this run is the holder.
    """

    def __init__(
        self, client: Client, stack: str, namespace: str, say: Callable[[str], None], *, wait: bool = True, deadline: float = 600.0, name: str = ""
    ) -> None:
        self._client = client
        self._name = name or parent_name(stack)
        self._stack = stack
        self._namespace = namespace
        self._say = say
        self._wait = wait
        self._deadline = deadline
        self._live: Object | None = None
        self._lost = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._forbidden = False
        self._renewed = 0.0
        self._released = False
        self._acquire_time = ""
        self._writes = 0
        self._write_done = threading.Condition()
        self.held = False

    @property
    def exists(self) -> bool:
        """True if the lease was on the cluster when it was last read, held by somebody or not."""
        return self._live is not None

    @property
    def is_abandoned(self) -> bool:
        """True if the lease, when it was last read, named a holder that ended without releasing it."""
        return bool(((self._live or {}).get("spec") or {}).get("holderIdentity")) and is_free(self._live, self._client.date)

    @property
    def _path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases/{self._name}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.release()

    def wait_free(self) -> None:
        """Waits until nobody else holds the lease, without taking it; returns at once if this run holds it.

        Raises:
            TurnupError: somebody holds it, and this run may not wait or has waited too long.
        """
        if self.held:
            return
        started = time.monotonic()
        said = -_SAY_SECONDS
        while True:
            self._read()
            if self._forbidden or is_free(self._live, self._client.date):
                return
            holder = self._holder()
            waited = time.monotonic() - started
            if not self._wait:
                raise TurnupError(f"{self._stack}: {holder} is writing to it; nothing was sent. Wait until that run ends, or run without --no-wait.")
            if waited > self._deadline:
                raise TurnupError(f"{self._stack}: {holder} has been writing to it for {format_duration(waited)}; nothing was sent. Ask the holder.")
            if waited - said >= _SAY_SECONDS:
                said = waited
                self._say(f"waiting for {holder}, who is writing to {self._stack}")
            time.sleep(_POLL_SECONDS)

    def acquire(self) -> bool:
        """Takes the lease.

        Returns:
            True if nobody else has held it since it was last read, so that what was read before is still valid.
        """
        undisturbed = True
        while not self._forbidden:
            before = self._live
            self._renewed = _clock()
            try:
                self._live = self._put(holder_name(), str(this_process()), taken=True)
            except ApiError as error:
                if error.status == 403:
                    self._forbid(error)
                    break
                if error.status not in (404, 409):
                    raise
                if error.status == 404 or not self._has_taken():
                    undisturbed = False
                    self.wait_free()
                    if error.status == 404 and before is None:
                        raise TurnupError(
                            f"{self._stack}: its lease cannot be stored in the namespace {self._namespace!r} ({error.message}); "
                            "nothing was sent. Create the namespace first."
                        ) from None
                    continue
            self.held = True
            self._thread = threading.Thread(target=self._renew, daemon=True)
            self._thread.start()
            break
        return undisturbed

    def acquire_if_free(self) -> bool:
        """Takes the lease unless somebody else holds it; returns whether nobody does."""
        self._wait = False
        try:
            self.wait_free()
            self.acquire()
        except (ApiError, UnreachableError):
            raise
        except TurnupError:
            return False
        return True

    def _has_taken(self) -> bool:
        """Returns whether a lease that changed since it was last read is the one that this run requested, but got no answer for."""
        self._read()
        live = self._live or {"metadata": {}}
        return (self._holder(), (live["metadata"].get("annotations") or {}).get(PROCESS), (live.get("spec") or {}).get("acquireTime")) == (
            holder_name(),
            str(this_process()),
            self._acquire_time,
        )

    @contextmanager
    def fence(self) -> Iterator[None]:
        """Surrounds a request that writes, so that the lease is not released while one is under way.

        Raises:
            TurnupError: as `check`.
        """
        with self._write_done:
            self.check()
            self._writes += 1
        try:
            yield
        finally:
            with self._write_done:
                self._writes -= 1
                self._write_done.notify_all()

    def check(self) -> None:
        """Stops a run that no longer holds its lease; `fence` calls it before every write.

        Raises:
            TurnupError: the lease was lost or released.
        """
        if self._released:
            raise TurnupError(f"{self._stack}: this run is stopping and writes nothing more; run it again.")
        if self.held and not self._lost and _clock() - self._renewed > SECONDS:
            # This process or the machine was asleep, and the thread that renews may not be awake yet.
            self._lost = "it was not renewed in time"
        if self._lost:
            raise TurnupError(f"{self._stack}: this run lost its lease ({self._lost}) and stopped writing; run it again.")

    def release(self) -> None:
        """Releases the lease, after which no write starts. A lease that cannot be released expires.

        The server may still carry out a write that it has not answered, so the lease is not released then.
        """
        deadline = time.monotonic() + _RELEASE_SECONDS
        self._stop.set()
        with self._write_done:
            self._released = True
            quiet = not self.held or self._write_done.wait_for(lambda: not self._writes, _WRITES_SECONDS)
        if not self.held:
            return
        self.held = False
        if self._thread:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        # If a renewal gets no answer, a release would not get one either.
        if self._lost or not quiet or (self._thread and self._thread.is_alive()):
            return
        try:
            self._put("", "", taken=False, seconds=max(0.2, deadline - time.monotonic()))
        except TurnupError:
            return

    def remove(self) -> None:
        """Deletes the lease of a deleted stack, unless somebody else holds it."""
        self.release()
        try:
            self._read()
            if self._live and is_free(self._live, self._client.date):
                self._client.request(
                    "DELETE",
                    self._path,
                    body={"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"resourceVersion": self._live["metadata"]["resourceVersion"]}},
                )
        except ApiError as error:
            if error.status not in (403, 404, 409):
                raise

    def _read(self) -> None:
        try:
            self._live = self._client.get_or_none(self._path)
        except ApiError as error:
            if error.status != 403:
                raise
            self._forbid(error)

    def _forbid(self, error: ApiError) -> None:
        if not self._forbidden:
            why = f"{self._namespace} is terminating" if is_namespace_terminating(error.message) else f"this account may not use Leases in {self._namespace}"
            self._say(f"note: {why}, so two runs on {self._stack} can write at the same time")
        self._forbidden = True

    def _holder(self) -> str:
        return str(((self._live or {}).get("spec") or {}).get("holderIdentity") or "somebody")

    def _put(self, holder: str, process: str, *, taken: bool, seconds: float | None = None) -> Object:
        """Writes the lease on the condition that nobody has changed it since it was last read."""
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        old = (self._live or {}).get("spec") or {}
        self._acquire_time = now if taken else self._acquire_time
        body: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace, "annotations": {STACK: self._stack} | ({PROCESS: process} if process else {})},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": SECONDS,
                "renewTime": now,
                "acquireTime": now if taken else old.get("acquireTime", now),
                "leaseTransitions": int(old.get("leaseTransitions") or 0) + taken,
            },
        }
        query = {"fieldManager": FIELD_MANAGER}
        if self._live is None:
            self._live = self._client.request("POST", self._path.rpartition("/")[0], body=body, query=query, read_timeout=seconds)[1]
        else:
            body["metadata"]["resourceVersion"] = self._live["metadata"]["resourceVersion"]
            self._live = self._client.request("PUT", self._path, body=body, query=query, read_timeout=seconds)[1]
        return self._live

    def _renew(self) -> None:
        """Renews the lease until it is released. Runs in its own thread."""
        while not self._stop.wait(_RENEW_SECONDS):
            try:
                sent = _clock()
                self._put(self._holder(), str(this_process()), taken=False, seconds=_RENEW_SECONDS)
                self._renewed = sent
            except TurnupError as error:
                # A server that does not answer may answer the next attempt.
                if isinstance(error, ApiError) and error.status in (404, 409) and not self._is_still_ours():
                    return
            if _clock() - self._renewed > SECONDS - _RENEW_SECONDS:
                self._lost = "it could not be renewed in time"
                return

    def _is_still_ours(self) -> bool:
        """Returns whether this run still holds a lease that has changed: a request that was sent twice finds its own change."""
        try:
            self._read()
        except TurnupError:
            return True
        if self._live is None:
            self._lost = "it was deleted"
        elif self._holder() != holder_name():
            self._lost = f"{self._holder()} has it now"
        return not self._lost
