"""A live copy of the objects that a run looks at, kept by watches.

Where the user may not list or watch a kind, as with rights to a few objects of one
namespace, its objects are read one by one instead.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor
from typing import Iterable, Mapping

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Object

Key = tuple[str, str, str, str]  # apiVersion, kind, namespace, name
Collection = tuple[Resource, str]

# How long a server may be away, as when it is restarted, before a run that waits gives up.
_AWAY_SECONDS = 30.0
# Between two looks at what cannot be watched.
_LOOK_SECONDS = 1.0
# Between two attempts to list what could be listed, and the longest time between two when it could not.
_AGAIN_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class _Refusal(TurnupError):
    """What will not pass by itself."""



class Informer:
    """Objects of some collections as the server has them, updated by one thread a collection.

    Args:
        client: the API server; it needs a connection for each collection.
        collections: (where a kind lives, namespace) to copy, and the names in each to read
            one by one where it may not be listed.

    Attributes:
        version: grows with every change.
    """

    def __init__(self, client: Client, collections: Mapping[Collection, Iterable[str]]):
        self._client = client
        self._collections = {collection: sorted(set(names)) for collection, names in collections.items()}
        self._objects: dict[Key, Object] = {}
        self._listed: set[Collection] = set()
        self._error: TurnupError | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._heard: dict[Collection, float] = {}
        self.version = 0
        self._troubles: dict[Collection, str] = {}

    def start(self) -> None:
        """Starts copying. The threads are daemons: an interrupted process does not wait for them."""
        for collection in self._collections:
            threading.Thread(target=self._follow, args=collection, daemon=True).start()

    def snapshot(self, executor: Executor) -> None:
        """Copies once, in place of `start`.

        Raises:
            TurnupError: a collection cannot be read.
        """

        def copy(collection: Collection) -> None:
            try:
                self._list(*collection)
            except ApiError as error:
                if _is_away(error):
                    raise self._away(error, *collection) from None
                self._read_each(*collection, error)

        for _ in executor.map(copy, self._collections):
            pass

    def stop(self) -> None:
        """Lets the threads end at their next event."""
        self._stopped.set()

    @property
    def complete(self) -> bool:
        """Whether every collection has been listed once."""
        return len(self._listed) == len(self._collections)

    @property
    def trouble(self) -> str:
        """Why the copy may be out of date at the moment; "" when it is not."""
        return next(iter(list(self._troubles.values())), "")

    def get(self, key: Key) -> Object | None:
        """Returns an object, None when it is not there."""
        return self._objects.get(key)

    def all(self, kind: str) -> list[Object]:
        """Returns every copied object of a kind."""
        with self._changed:
            return [obj for key, obj in self._objects.items() if key[1] == kind]

    def wait(self, version: int, seconds: float) -> int:
        """Waits until something has changed since `version`, or for some seconds.

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
        pause = _AGAIN_SECONDS
        self._heard[resource, namespace] = time.monotonic()
        while not self._stopped.is_set():
            try:
                rest = self._copy(resource, namespace)
            except _Refusal as refusal:
                self._fail(refusal)
                return
            except TurnupError as error:
                self._troubles[resource, namespace] = str(error)
                if time.monotonic() - self._heard[resource, namespace] > _AWAY_SECONDS:
                    self._fail(error)
                    return
                rest, pause = pause, min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                pause = _AGAIN_SECONDS
            self._stopped.wait(rest)

    def _copy(self, resource: Resource, namespace: str) -> float:
        """Lists a collection and follows it until its watch ends.

        Returns:
            After how many seconds that is to be done again.

        Raises:
            _Refusal: it cannot be read.
            TurnupError: the server is away, or has no time.
        """
        listed = False
        try:
            since = self._list(resource, namespace)
            listed = True
            self._watch(resource, namespace, since)
            return _AGAIN_SECONDS
        except ApiError as error:
            if error.status == 410:
                return _AGAIN_SECONDS  # The history was cut.
            if _is_away(error):
                raise self._away(error, resource, namespace) from None
            if not listed or error.status != 403:
                self._read_each(resource, namespace, error)
            return _LOOK_SECONDS  # What may be listed, but not watched, is listed again.
        finally:
            if listed:
                self._heard[resource, namespace] = time.monotonic()

    def _away(self, error: ApiError, resource: Resource, namespace: str) -> TurnupError:
        """Returns the sentence for a server that answers, but not with what was asked for."""
        return TurnupError(f"the API server {self._client.connection.server} does not give the {resource.plural} of {namespace or 'the cluster'} "
                           f"({error.status} {error.message}); look at the server, or try again.")

    def _read_each(self, resource: Resource, namespace: str, error: ApiError) -> None:
        """Reads the objects of a collection that may not be listed or watched one by one.

        Raises:
            _Refusal: they may not be read either, or the collection has another trouble.
            TurnupError: the server has no time.
        """
        if error.status == 404:
            found: dict[str, Object] = {}  # A kind whose definition is only just being established.
        elif error.status == 403:
            found = {name: obj for name in self._collections[resource, namespace] if (obj := self._read(resource, namespace, name))}
        else:
            raise _Refusal(f"{resource.plural} in {namespace or 'the cluster'} cannot be read: {error.message}.")
        with self._changed:
            known = {key[3]: obj for key, obj in self._objects.items() if _within(key, resource, namespace)}
            if found != known or (resource, namespace) not in self._listed:
                self._replace(resource, namespace, found.values())

    def _read(self, resource: Resource, namespace: str, name: str) -> Object | None:
        try:
            return self._client.request("GET", resource.path(namespace, name))[1]
        except ApiError as error:
            if error.status == 404:
                return None
            if _is_away(error):
                raise self._away(error, resource, namespace) from None
            raise _Refusal(f"{resource.kind} {namespace + '/' if namespace else ''}{name} cannot be read: {error.message}; ask for the "
                              "right to get it.") from None

    def _list(self, resource: Resource, namespace: str) -> str:
        found = self._client.request("GET", resource.path(namespace))[1]
        with self._changed:
            self._replace(resource, namespace, found.get("items") or [])
        return found["metadata"]["resourceVersion"]

    def _replace(self, resource: Resource, namespace: str, objects: Iterable[Object]) -> None:
        """Takes the present content of a collection; called with the lock held."""
        for key in [key for key in self._objects if _within(key, resource, namespace)]:
            del self._objects[key]
        for obj in objects:
            self._put(resource, obj)
        self._listed.add((resource, namespace))
        self._troubles.pop((resource, namespace), None)
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
        # Items of a list come without their apiVersion and kind.
        self._objects[_key(resource, obj)] = {**obj, "apiVersion": resource.api_version, "kind": resource.kind}

    def _notify(self) -> None:
        self.version += 1
        self._changed.notify_all()

    def _fail(self, error: TurnupError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()


def _is_away(error: ApiError) -> bool:
    """Says whether an error tells of the server, as when it is restarted or has too much to do, and not of what was asked for."""
    return error.status in (408, 409, 429) or error.status >= 500


def _within(key: Key, resource: Resource, namespace: str) -> bool:
    return key[:2] == (resource.api_version, resource.kind) and (not namespace or key[2] == namespace)


def _key(resource: Resource, obj: Object) -> Key:
    meta = obj["metadata"]
    return (resource.api_version, resource.kind, meta.get("namespace") or "", meta["name"])
