"""A live copy of the objects that a run waits for, kept by watches."""

from __future__ import annotations

import threading
import time
from typing import Iterable

from rules.k8s.tools.client import Client
from rules.k8s.tools.discovery import Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.manifests import Object

Key = tuple[str, str, str, str]  # apiVersion, kind, namespace, name


class Mirror:
    """Objects of some collections as the server has them, updated by one thread a collection.

    Args:
        client: the API server; it needs a connection for each collection.
        collections: (where a kind lives, namespace) to copy.
    """

    def __init__(self, client: Client, collections: Iterable[tuple[Resource, str]]):
        self._client = client
        self._collections = list(dict.fromkeys(collections))
        self._objects: dict[Key, Object] = {}
        self._listed: set[tuple[Resource, str]] = set()
        self._error: TurnupError | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self.version = 0

    def start(self) -> None:
        """Starts copying. The threads are daemons: an interrupted process does not wait for them."""
        for collection in self._collections:
            threading.Thread(target=self._follow, args=collection, daemon=True).start()

    def stop(self) -> None:
        """Lets the threads end at their next event."""
        self._stopped = True

    @property
    def complete(self) -> bool:
        """Whether every collection has been listed once."""
        return len(self._listed) == len(self._collections)

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
        failures = 0
        while not self._stopped:
            try:
                since = self._list(resource, namespace)
                failures = 0
                self._watch(resource, namespace, since)
            except ApiError as error:
                if error.status == 410:
                    continue  # The history was cut: list again.
                self._fail(TurnupError(f"{resource.plural} in {namespace or 'the cluster'} cannot be watched: {error.message}."))
                return
            except TurnupError as error:
                failures += 1
                if failures > 5:
                    self._fail(error)
                    return
                time.sleep(0.2 * failures)

    def _list(self, resource: Resource, namespace: str) -> str:
        found = self._client.request("GET", resource.path(namespace))[1]
        with self._changed:
            gone = [key for key in self._objects
                    if key[:2] == (resource.api_version, resource.kind) and (not namespace or key[2] == namespace)]
            for key in gone:
                del self._objects[key]
            for obj in found.get("items") or []:
                self._put(resource, obj)
            self._listed.add((resource, namespace))
            self._notify()
        return found["metadata"]["resourceVersion"]

    def _watch(self, resource: Resource, namespace: str, since: str) -> None:
        for event in self._client.stream(resource.path(namespace), {"resourceVersion": since}, seconds=300):
            if self._stopped:
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


def _key(resource: Resource, obj: Object) -> Key:
    meta = obj["metadata"]
    return (resource.api_version, resource.kind, meta.get("namespace") or "", meta["name"])
