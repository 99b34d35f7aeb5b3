"""Informer: a local copy of objects, kept current by watches.

If the account may not list or watch a kind, for example because it has permissions for a
few objects of one namespace only, the informer gets the objects one by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Object

Key = tuple[str, str, str, str]  # apiVersion, kind, namespace, name
Collection = tuple[Resource, str]

# How long a server may be unavailable, for example during a restart, until the informer fails.
_OUTAGE_SECONDS = 30.0
# Pause between two polls of a collection that cannot be watched.
_POLL_SECONDS = 1.0
# Pause before the next list, and its maximum after repeated failures.
_RETRY_SECONDS = 0.2
_MAX_RETRY_SECONDS = 5.0


class _PermanentError(TurnupError):
    """An error that a retry does not fix."""


class Informer:
    """A copy of the objects of some collections, with one watch and one thread per collection.

    Args:
        client: client of the API server, with at least one connection per collection.
        collections: (resource, namespace) of each collection, with the names to get one by
            one if the collection may not be listed.

    Attributes:
        version: increases with every change.
    """

    def __init__(self, client: Client, collections: Mapping[Collection, Iterable[str]]) -> None:
        self._client = client
        self._collections = {collection: sorted(set(names)) for collection, names in collections.items()}
        self._objects: dict[Key, Object] = {}
        self._listed: set[Collection] = set()
        self._error: TurnupError | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._last_success: dict[Collection, float] = {}
        self._errors: dict[Collection, str] = {}
        self.version = 0

    def start(self) -> None:
        """Starts the watches. Their threads are daemons, so an interrupted process does not wait for them."""
        for collection in self._collections:
            threading.Thread(target=self._follow, args=collection, daemon=True).start()

    def snapshot(self, executor: Executor) -> None:
        """Reads every collection once, instead of `start`.

        Args:
            executor: runs requests in parallel.

        Raises:
            TurnupError: a collection cannot be read.
        """

        def copy(collection: Collection) -> None:
            try:
                self._list(*collection)
            except ApiError as error:
                if _is_outage(error):
                    raise self._outage(error, *collection) from None
                self._read_each(*collection, error)

        for _ in executor.map(copy, self._collections):
            pass

    def stop(self) -> None:
        """Tells the threads to exit at their next event."""
        self._stopped.set()

    @property
    def complete(self) -> bool:
        """Whether every collection has been read at least once."""
        return len(self._listed) == len(self._collections)

    @property
    def temporary_error(self) -> str:
        """Why the copy may be out of date; "" if it is current."""
        return next(iter(list(self._errors.values())), "")

    def get(self, key: Key) -> Object | None:
        """Returns an object; None if it does not exist."""
        return self._objects.get(key)

    def all(self, kind: str) -> list[Object]:
        """Returns all objects of a kind."""
        with self._changed:
            return [obj for key, obj in self._objects.items() if key[1] == kind]

    def wait(self, version: int, seconds: float) -> int:
        """Waits until the copy is newer than `version`, but at most some seconds.

        Args:
            version: the version that the caller knows.
            seconds: the longest time to wait.

        Returns:
            The present version.

        Raises:
            TurnupError: a collection cannot be read.
        """
        with self._changed:
            if self.version == version and not self._error:
                self._changed.wait(seconds)
            if self._error:
                raise self._error
            return self.version

    def _follow(self, resource: Resource, namespace: str) -> None:
        pause = _RETRY_SECONDS
        self._last_success[resource, namespace] = time.monotonic()
        while not self._stopped.is_set():
            try:
                rest = self._copy(resource, namespace)
            except _PermanentError as error:
                self._fail(error)
                return
            except TurnupError as error:
                self._errors[resource, namespace] = str(error)
                if time.monotonic() - self._last_success[resource, namespace] > _OUTAGE_SECONDS:
                    self._fail(error)
                    return
                rest, pause = pause, min(2 * pause, _MAX_RETRY_SECONDS)
            else:
                pause = _RETRY_SECONDS
            self._stopped.wait(rest)

    def _copy(self, resource: Resource, namespace: str) -> float:
        """Lists a collection and watches it until the watch ends.

        Returns:
            Seconds until the next list.

        Raises:
            _PermanentError: the collection cannot be read.
            TurnupError: the server is unavailable or overloaded.
        """
        listed = False
        try:
            since = self._list(resource, namespace)
            listed = True
            self._watch(resource, namespace, since)
            return _RETRY_SECONDS
        except ApiError as error:
            if error.status == 410:
                return _RETRY_SECONDS  # The resource version has expired.
            if _is_outage(error):
                raise self._outage(error, resource, namespace) from None
            if not listed or error.status != 403:
                self._read_each(resource, namespace, error)
            return _POLL_SECONDS  # A collection that may be listed but not watched is polled.
        finally:
            if listed:
                self._last_success[resource, namespace] = time.monotonic()

    def _outage(self, error: ApiError, resource: Resource, namespace: str) -> TurnupError:
        """Returns the error for a server that is reachable but does not serve a collection."""
        return TurnupError(
            f"the API server {self._client.connection.server} does not return the {resource.plural} of {namespace or 'the cluster'} "
            f"({error.status} {error.message}); check the server, or try again."
        )

    def _read_each(self, resource: Resource, namespace: str, error: ApiError) -> None:
        """Gets the objects of a collection that may not be listed or watched, one by one.

        Raises:
            _PermanentError: they may not be read either, or the server refuses for another reason.
            TurnupError: the server is unavailable or overloaded.
        """
        if error.status == 404:
            found: dict[str, Object] = {}  # The kind's definition is not established yet.
        elif error.status == 403:
            found = {name: obj for name in self._collections[resource, namespace] if (obj := self._read(resource, namespace, name))}
        else:
            raise _PermanentError(f"{resource.plural} in {namespace or 'the cluster'} cannot be read: {error.message}.")
        with self._changed:
            known = {key[3]: obj for key, obj in self._objects.items() if _within(key, resource, namespace)}
            if found != known or (resource, namespace) not in self._listed:
                self._replace(resource, namespace, found.values())

    def _read(self, resource: Resource, namespace: str, name: str) -> Object | None:
        try:
            return self._client.get_or_none(resource.path(namespace, name))
        except ApiError as error:
            if _is_outage(error):
                raise self._outage(error, resource, namespace) from None
            raise _PermanentError(
                f"{resource.kind} {namespace + '/' if namespace else ''}{name} cannot be read: {error.message}; ask for the permission to get it."
            ) from None

    def _list(self, resource: Resource, namespace: str) -> str:
        found = self._client.request("GET", resource.path(namespace))[1]
        version: str = (found.get("metadata") or {}).get("resourceVersion") or ""
        if not version:
            raise _PermanentError(
                f"{self._client.connection.server}: the list of {resource.plural} has no resourceVersion, so this is not an API server; "
                f"correct the server of context {self._client.connection.context!r}."
            )
        with self._changed:
            self._replace(resource, namespace, found.get("items") or [])
        return version

    def _replace(self, resource: Resource, namespace: str, objects: Iterable[Object]) -> None:
        """Replaces the copy of a collection. The caller holds the lock."""
        for key in [key for key in self._objects if _within(key, resource, namespace)]:
            del self._objects[key]
        for obj in objects:
            self._put(resource, obj)
        self._listed.add((resource, namespace))
        self._errors.pop((resource, namespace), None)
        self._notify()

    def _watch(self, resource: Resource, namespace: str, since: str) -> None:
        for event in self._client.stream(resource.path(namespace), {"resourceVersion": since}, seconds=300):
            if self._stopped.is_set():
                return
            obj = event.get("object") or {}
            if event.get("type") == "ERROR":
                raise ApiError(obj.get("code", 500), obj.get("reason", ""), obj.get("message", "watch failed"))
            if event.get("type") == "BOOKMARK":
                continue
            with self._changed:
                if event.get("type") == "DELETED":
                    self._objects.pop(_key(resource, obj), None)
                else:
                    self._put(resource, obj)
                self._notify()

    def _put(self, resource: Resource, obj: Object) -> None:
        # The items of a list do not have apiVersion and kind.
        self._objects[_key(resource, obj)] = {**obj, "apiVersion": resource.api_version, "kind": resource.kind}

    def _notify(self) -> None:
        self.version += 1
        self._changed.notify_all()

    def _fail(self, error: TurnupError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


def _is_outage(error: ApiError) -> bool:
    """Returns whether an error comes from the server's state (a restart, overload) and not from the request."""
    return error.status in (408, 409, 429) or error.status >= 500


def _within(key: Key, resource: Resource, namespace: str) -> bool:
    return key[:2] == (resource.api_version, resource.kind) and (not namespace or key[2] == namespace)


def _key(resource: Resource, obj: Object) -> Key:
    meta = obj["metadata"]
    return (resource.api_version, resource.kind, meta.get("namespace") or "", meta["name"])
