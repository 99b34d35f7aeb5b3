"""API discovery: the kinds that a cluster serves, and their paths."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Identity, Object, group_of, identity

# Aggregated discovery: one document with every resource (GA since Kubernetes 1.30).
_ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)

# Discovery is the first request of most runs. A server that takes longer counts as unreachable.
_FIRST_ANSWER_SECONDS = 8.0

# How long a server may take until it serves a definition that it has accepted.
_ESTABLISH_SECONDS = 10.0


@dataclass(frozen=True)
class Resource:
    """The API resource of a kind.

    Attributes:
        api_version: for example `apps/v1`.
        kind: for example `Deployment`.
        plural: the path segment, for example `deployments`.
        namespaced: whether its objects are in namespaces.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Returns the path of an object, or of the collection if `name` is empty."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{quote(name)}" if name else "")


POD = Resource("v1", "Pod", "pods", True)


class Kinds:
    """The kinds that a cluster serves, and those that CustomResourceDefinitions of the run will add.

    Args:
        resources: the resources that the cluster serves.

    Attributes:
        defined: (apiVersion, kind) of the kinds that the run's own definitions add.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = {(resource.api_version, resource.kind): resource for resource in resources}
        self.defined: set[tuple[str, str]] = set()

    def add_definitions(self, objects: Iterable[Object]) -> None:
        """Adds the kinds that the CustomResourceDefinitions among `objects` define."""
        for obj in objects:
            if obj["kind"] != "CustomResourceDefinition":
                continue
            spec = obj.get("spec") or {}
            names = spec.get("names") or {}
            for version in spec.get("versions") or []:
                key = (f"{spec.get('group')}/{version.get('name')}", names.get("kind", ""))
                self.defined.add(key)
                if key not in self._resources:
                    self._resources[key] = Resource(key[0], key[1], names.get("plural", ""), spec.get("scope") == "Namespaced")

    def of(self, obj: Object) -> Resource | None:
        """Returns the resource of an object's kind; None if the cluster does not have it."""
        return self._resources.get((obj["apiVersion"], obj["kind"]))

    def kind_of(self, api_version: str, plural: str) -> str:
        """Returns the kind that a path segment stands for; "" if the cluster does not have it."""
        return next((found.kind for found in self._resources.values() if (found.api_version, found.plural) == (api_version, plural)), "")

    def find_any_version(self, group: str, kind: str) -> Resource | None:
        """Returns the resource of a kind in any version of its API; None if the cluster does not have it."""
        return next((resource for (version, name), resource in self._resources.items() if name == kind and group_of(version) == group), None)

    def require(self, obj: Object, label: str) -> Resource:
        """Returns the resource of an object's kind.

        Args:
            obj: the object.
            label: label of its target, for the error message.

        Raises:
            TurnupError: the cluster does not serve the kind.
        """
        resource = self.of(obj)
        if resource is None:
            others = sorted({version for version, kind in self._resources if kind == obj["kind"]})
            fix = (
                f"use apiVersion {others[0]}"
                if others
                else "correct apiVersion or kind, or apply its CustomResourceDefinition first (bazel run //prod:setup.apply)"
            )
            raise TurnupError(f"{label}: {obj['kind']} {obj['metadata']['name']}: the cluster does not serve kind {obj['kind']} in {obj['apiVersion']}; {fix}.")
        return resource

    def identity(self, obj: Object) -> Identity:
        """Returns an object's identity, without a namespace if its kind is cluster-scoped."""
        found = identity(obj)
        resource = self.of(obj)
        if resource and not resource.namespaced and found.namespace:
            return Identity(found.group, found.kind, "", found.name)
        return found


def discover(client: Client, executor: Executor) -> Kinds:
    """Returns the kinds that a cluster serves, with two requests: the core group and all others."""
    documents = executor.map(lambda path: client.request("GET", path, accept=_ACCEPT, read_timeout=_FIRST_ANSWER_SECONDS)[1], ("/api", "/apis"))
    resources: list[Resource] = []
    for document in documents:
        if document.get("kind") != "APIGroupDiscoveryList":
            return Kinds(_unaggregated(client))
        resources += _aggregated(document)
    return Kinds(resources)


def wait_until_served(client: Client, executor: Executor, kinds: Kinds, objects: Iterable[tuple[str, Object]], note: Callable[[str], None]) -> Kinds:
    """Waits for kinds whose definition exists but is not served yet, as in the seconds after another apply has created it.

    Args:
        client: client of the API server.
        executor: runs requests in parallel.
        kinds: the kinds that the cluster serves.
        objects: (target, object) of everything whose kind is needed.
        note: receives a line that names the kinds, if there are any to wait for.

    Returns:
        The kinds that the cluster serves now; `kinds` if there was nothing to wait for.

    Raises:
        TurnupError: a definition is not served in time.
    """
    objects = list(objects)
    kinds.add_definitions(obj for _, obj in objects)
    missing = _defined(client, [(label, obj) for label, obj in objects if kinds.of(obj) is None])
    if missing:
        note(f"waiting until the cluster serves {', '.join(sorted({obj['kind'] for _, obj, _ in missing}))}; its CustomResourceDefinition exists")
    deadline = time.monotonic() + _ESTABLISH_SECONDS
    pause = 0.1
    while missing:
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
        kinds = discover(client, executor)
        kinds.add_definitions(obj for _, obj in objects)
        missing = [each for each in missing if kinds.of(each[1]) is None]
        if missing and time.monotonic() > deadline:
            label, obj, definition = missing[0]
            raise TurnupError(
                f"{label}: {obj['kind']} {obj['metadata']['name']}: the cluster has the CustomResourceDefinition {definition}, but "
                f"has not served its kind within {_ESTABLISH_SECONDS:.0f} s; look at the definition's conditions."
            )
    return kinds


def _defined(client: Client, unknown: list[tuple[str, Object]]) -> list[tuple[str, Object, str]]:
    """Returns those objects whose kind and version a definition in the cluster has, each with the definition's name."""
    if not unknown:
        return []
    try:
        definitions = client.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")[1].get("items") or []
    except ApiError:
        return []  # Without the permission to read definitions, the run fails at once.
    names = {
        (f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"]): definition["metadata"]["name"]
        for definition in definitions
        if not definition["metadata"].get("deletionTimestamp")
        for version in definition["spec"]["versions"]
        if version.get("served", True)
    }
    return [(label, obj, names[obj["apiVersion"], obj["kind"]]) for label, obj in unknown if (obj["apiVersion"], obj["kind"]) in names]


def _aggregated(document: dict[str, Any]) -> Iterable[Resource]:
    """Yields the resources of an APIGroupDiscoveryList."""
    for group in document.get("items") or []:
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or []:
            api_version = f"{name}/{version['version']}" if name else version["version"]
            for resource in version.get("resources") or []:
                kind = (resource.get("responseKind") or {}).get("kind", "")
                yield Resource(api_version, kind, resource["resource"], resource.get("scope") == "Namespaced")


def _unaggregated(client: Client) -> Iterable[Resource]:
    """Yields the resources version by version, for servers older than Kubernetes 1.27."""
    versions = list(client.request("GET", "/api")[1].get("versions") or [])
    for group in client.request("GET", "/apis")[1].get("groups") or []:
        versions += [version["groupVersion"] for version in group.get("versions") or []]
    for api_version in versions:
        root = f"/apis/{api_version}" if group_of(api_version) else f"/api/{api_version}"
        for resource in client.request("GET", root)[1].get("resources") or []:
            if "/" not in resource["name"]:
                yield Resource(api_version, resource["kind"], resource["name"], bool(resource["namespaced"]))
