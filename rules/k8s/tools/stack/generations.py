"""Old generations of ConfigMaps and Secrets under content-hashed names: which are kept, and the removal of the rest.

Each change of a ConfigMap leaves its former generation behind: pods of a rollout that has not ended still start with
it, and a rollback goes back to it. KEEP generations stay, the one in use included, and what tidying.py finds to be needed.
"""

from __future__ import annotations

import datetime
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Iterable, Mapping

from rules.k8s.tools.api.client import METADATA_LIST, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.hashed_names import (
    BASE_ANNOTATION,
    BASE_LABEL,
    STABLE_ANNOTATION,
    Config,
    base_of,
    is_generation_name,
    label_value,
    references,
)
from rules.k8s.tools.objects.objects import Identity, Object, owner

KEEP = 3
"""Generations of one ConfigMap or Secret that stay on the cluster, the one in use included."""

# Longer than a Deployment may take for a rollout before Kubernetes itself calls it stuck (10 minutes).
_SETTLED = datetime.timedelta(minutes=15)
_RESOURCES = {"ConfigMap": Resource("v1", "ConfigMap", "configmaps", True), "Secret": Resource("v1", "Secret", "secrets", True)}


@dataclass(frozen=True)
class Generation:
    """One object under a content-hashed name, as it is on the cluster.

    Attributes:
        config: what it is a generation of.
        name: its name on the cluster.
        created: its creationTimestamp, RFC 3339 in UTC.
        owner: label of the target that applied it, "" when Turnup did not.
        live: its metadata, as an object.
        resource: where its kind lives.
    """

    config: Config
    name: str
    created: str
    owner: str
    live: Object
    resource: Resource

    @property
    def item(self) -> Item:
        """The generation as what the verbs act on."""
        return Item(self.owner, self.live, self.resource, Identity("", self.config.kind, self.config.namespace, self.name))


@dataclass(frozen=True)
class Held:
    """The ConfigMaps and Secrets under content-hashed names that a stack has.

    Attributes:
        owners: each → the target that it comes from.
        present: (kind, namespace, name) of the generations that are in use.
    """

    owners: Mapping[Config, str]
    present: frozenset[tuple[str, str, str]]

    @staticmethod
    def of(items: Iterable[Item]) -> Held:
        """Returns what items hold; those without a content-hashed name do not count."""
        based = [(item, config) for item in items for config in [base_of(item.obj)] if config]
        return Held({config: item.label for item, config in based},
                    frozenset((item.identity.kind, item.identity.namespace, item.identity.name) for item, _ in based))


def surplus(live: Iterable[Generation], held: Held, *, keep: int = KEEP, settled_before: str | None = None) -> list[Generation]:
    """Chooses the generations that may go.

    Args:
        live: generations on the cluster, in any order.
        held: what the stack has. What it uses, other ConfigMaps and Secrets, and generations that another target applied
            are never chosen.
        keep: how many generations of each stay, the present one included.
        settled_before: an RFC 3339 time in UTC: a generation that was followed by a newer one after it
            is not chosen, for pods of a running rollout may need it. None: all rollouts have ended.

    Returns:
        The generations, oldest first.
    """
    families: dict[Config, list[Generation]] = {}
    for generation in live:
        if held.owners.get(generation.config) == generation.owner:
            families.setdefault(generation.config, []).append(generation)
    chosen = []
    for family in families.values():
        newest_first = sorted(family, key=lambda each: (each.created, each.name), reverse=True)
        past = [each for each in newest_first if (each.config.kind, each.config.namespace, each.name) not in held.present]
        room = max(0, keep - (len(newest_first) - len(past)))
        for generation in past[room:]:
            followers = [each.created for each in newest_first if each.created > generation.created]
            if settled_before is None or (followers and min(followers) < settled_before):
                chosen.append(generation)
    return sorted(chosen, key=lambda each: (each.created, each.name))


def live_generations(client: Client, wanted: Iterable[Config], executor: Executor) -> list[Generation]:
    """Asks the cluster for all generations of ConfigMaps and Secrets: one request for each kind and namespace.

    A user who may not list them learns of none.
    """
    wanted = set(wanted)
    places = {(_RESOURCES[config.kind], config.namespace) for config in wanted}

    def listed(place: tuple[Resource, str]) -> list[Generation]:
        resource, namespace = place
        result = []
        for obj in _metadata(client, resource.path(namespace), {"labelSelector": BASE_LABEL}):
            meta = obj["metadata"]
            base = (meta.get("annotations") or {}).get(BASE_ANNOTATION)
            config = Config(resource.kind, namespace, base or "")
            # Labels and annotations can be written by whoever may update an object; its name cannot.
            if config in wanted and is_generation_name(meta["name"], config.name):
                result.append(Generation(config, meta["name"], meta.get("creationTimestamp") or "", owner(obj), obj, resource))
        return result

    return [generation for found in executor.map(listed, sorted(places, key=str)) for generation in found]


def outdated(client: Client, held: Held, executor: Executor, *, settled: bool) -> list[Item]:
    """Returns the generations that a stack leaves without use.

    Args:
        client: the API server.
        held: what the stack has.
        executor: for asking in parallel.
        settled: the rollouts of the stack's objects have ended.
    """
    before = None if settled else (datetime.datetime.now(datetime.UTC) - _SETTLED).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [generation.item for generation in surplus(live_generations(client, held.owners, executor), held, settled_before=before)]


def others(client: Client, items: Iterable[Item], executor: Executor) -> list[Item]:
    """Returns all other generations of what the items hold, of the items' own targets: what a delete takes along."""
    held = Held.of(items)
    return [generation.item for generation in surplus(live_generations(client, held.owners, executor), held, keep=0)]


def newest(client: Client, items: Iterable[Item], executor: Executor) -> dict[Config, Item]:
    """Returns the newest generation on the cluster of each ConfigMap and Secret under a content-hashed name, of its own target."""
    owners = Held.of(items).owners
    found = sorted(live_generations(client, owners, executor), key=lambda each: (each.created, each.name))
    return {generation.config: generation.item for generation in found if owners.get(generation.config) == generation.owner}


def check_outside(client: Client, items: Iterable[Item], executor: Executor) -> None:
    """Checks that no item refers to configuration whose name only a larger closure knows, before anything is sent.

    `//b:dev` may use a ConfigMap of `//a:dev`. A closure that holds both writes the content-hashed name; applied alone,
    `//b:dev` would ask for a name that nothing has.

    Raises:
        TurnupError: naming both targets and what to do.
    """
    items = list(items)
    held = {Config(item.identity.kind, item.identity.namespace, item.identity.name) for item in items}
    outside: dict[Config, Item] = {}
    for item in items:
        for config in references(item.obj):
            if config not in held:
                outside.setdefault(config, item)

    def hashed(place: tuple[str, str]) -> list[Object]:
        kind, namespace = place
        names = sorted({label_value(config.name) for config in outside if (config.kind, config.namespace) == place})
        query = {"labelSelector": f"{BASE_LABEL} in ({','.join(names)})"}
        return _metadata(client, _RESOURCES[kind].path(namespace), query)

    places = sorted({(config.kind, config.namespace) for config in outside})
    for (kind, namespace), found in zip(places, executor.map(hashed, places)):
        for obj in found:
            base = Config(kind, namespace, (obj["metadata"].get("annotations") or {}).get(BASE_ANNOTATION, ""))
            user = outside.get(base)
            plain = Item("", {}, _RESOURCES[kind], Identity("", kind, namespace, base.name))
            if user and live_metadata(client, plain) is None:
                raise TurnupError(f"{user.label}: {user.identity} uses {kind} {base.name}, which {owner(obj)} applies under a name that changes "
                                  f"with its content; nothing was sent. Apply a target that holds both, or annotate the {kind} with "
                                  f"{STABLE_ANNOTATION}: \"true\".")


def _metadata(client: Client, path: str, query: dict[str, str]) -> list[Object]:
    """Lists objects without their content; a user who may not list them sees none."""
    try:
        return client.request("GET", path, query=query, accept=METADATA_LIST)[1].get("items") or []
    except ApiError as error:
        if error.status == 403:
            return []
        raise
