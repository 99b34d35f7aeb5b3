"""Old generations of ConfigMaps and Secrets under content-hashed names, and the choice of those to remove.

Each change of a ConfigMap leaves its former generation behind: pods of a running rollout may still start with it, and a
rollback needs it. KEEP generations stay, including the one in use, and those that generation_cleanup.py finds to be needed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from rules.k8s.tools.api.client import METADATA_LIST, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.hashed_names import (
    BASE_ANNOTATION,
    BASE_LABEL,
    STABLE_ANNOTATION,
    base_of,
    is_generation_name,
    label_value,
)
from rules.k8s.tools.objects.objects import Identity, Object, is_object_name, owner
from rules.k8s.tools.objects.references import Config, references
from rules.k8s.tools.stack.members import Member

KEEP = 3
"""How many generations of one ConfigMap or Secret stay on the cluster, including the one in use."""

# Longer than a rollout of a Deployment may take before Kubernetes considers it stuck (10 minutes).
_SETTLED = datetime.timedelta(minutes=15)
_RESOURCES = {"ConfigMap": Resource("v1", "ConfigMap", "configmaps", True), "Secret": Resource("v1", "Secret", "secrets", True)}


@dataclass(frozen=True)
class Generation:
    """One live object under a content-hashed name.

    Attributes:
        config: the ConfigMap or Secret that it is a generation of.
        name: its name on the cluster.
        created: its creationTimestamp, RFC 3339 in UTC.
        owner: label of the target that applied it, "" when Turnup did not.
        live: its metadata, as an object.
        resource: its kind's path on the server.
    """

    config: Config
    name: str
    created: str
    owner: str
    live: Object
    resource: Resource

    @property
    def item(self) -> Item:
        """The generation as an item."""
        return Item(self.owner, self.live, self.resource, Identity("", self.config.kind, self.config.namespace, self.name))


@dataclass(frozen=True)
class StackConfigs:
    """The ConfigMaps and Secrets under content-hashed names that a stack has.

    Attributes:
        owners: each → the target that it comes from.
        present: (kind, namespace, name on the cluster) of the generations in use.
        listed: the UIDs of the generations that the stack lists, even if their target had another name when they were applied.
    """

    owners: Mapping[Config, str]
    present: frozenset[tuple[str, str, str]]
    listed: frozenset[str] = frozenset()

    @staticmethod
    def of(items: Iterable[Item], members: Iterable[Member] = ()) -> StackConfigs:
        """Returns the configuration among items; objects without a content-hashed name do not count.

        Args:
            items: the stack's objects.
            members: what the stack lists.
        """
        based = [(item, config) for item in items for config in [base_of(item.obj)] if config]
        return StackConfigs(
            {config: item.label for item, config in based},
            frozenset((item.identity.kind, item.identity.namespace, item.identity.name) for item, _ in based),
            frozenset(member.uid for member in members if member.base and member.uid),
        )

    def has(self, generation: Generation) -> bool:
        """Returns whether a generation is the stack's own: its target applied it, or the stack lists it."""
        owner = self.owners.get(generation.config)
        return owner is not None and (owner == generation.owner or generation.live["metadata"].get("uid") in self.listed)


def choose_obsolete(live: Iterable[Generation], own: StackConfigs, *, keep: int = KEEP, settled_before: str | None = None) -> list[Generation]:
    """Returns the generations that can be removed.

    Args:
        live: generations on the cluster, in any order.
        own: what the stack has. Generations in use, other ConfigMaps and Secrets, and generations that are not the stack's own
            are never returned.
        keep: how many generations of each stay, including the present one.
        settled_before: an RFC 3339 time in UTC. A generation that a newer one followed after that time stays, because pods of
            a running rollout may need it. None: all rollouts have finished.

    Returns:
        The generations, oldest first.
    """
    families: dict[Config, list[Generation]] = {}
    for generation in live:
        if own.has(generation):
            families.setdefault(generation.config, []).append(generation)
    chosen = []
    for family in families.values():
        newest_first = sorted(family, key=lambda each: (each.created, each.name), reverse=True)
        past = [each for each in newest_first if (each.config.kind, each.config.namespace, each.name) not in own.present]
        room = max(0, keep - (len(newest_first) - len(past)))
        for generation in past[room:]:
            followers = [each.created for each in newest_first if each.created > generation.created]
            if settled_before is None or (followers and min(followers) < settled_before):
                chosen.append(generation)
    return sorted(chosen, key=lambda each: (each.created, each.name))


def live_generations(client: Client, wanted: Iterable[Config], executor: Executor) -> list[Generation]:
    """Returns all live generations of ConfigMaps and Secrets, with one request for each kind and namespace.

    An account that may not list them gets none.
    """
    wanted = set(wanted)
    collections = {(_RESOURCES[config.kind], config.namespace) for config in wanted}

    def listed(collection: tuple[Resource, str]) -> list[Generation]:
        resource, namespace = collection
        result = []
        for obj in _metadata(client, resource.path(namespace), {"labelSelector": BASE_LABEL}):
            meta = obj["metadata"]
            base = (meta.get("annotations") or {}).get(BASE_ANNOTATION)
            config = Config(resource.kind, namespace, base or "")
            # Whoever may update an object can write its labels and annotations, but not its name.
            if config in wanted and is_generation_name(meta["name"], config.name):
                result.append(Generation(config, meta["name"], meta.get("creationTimestamp") or "", owner(obj), obj, resource))
        return result

    return [generation for found in executor.map(listed, sorted(collections, key=str)) for generation in found]


def list_obsolete(client: Client, own: StackConfigs, executor: Executor, *, settled: bool) -> list[Item]:
    """Returns the generations that a stack no longer needs.

    Args:
        client: the API server.
        own: what the stack has.
        executor: for requests in parallel.
        settled: the rollouts of the stack's objects have finished.
    """
    before = None if settled else (datetime.datetime.now(datetime.UTC) - _SETTLED).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [generation.item for generation in choose_obsolete(live_generations(client, own.owners, executor), own, settled_before=before)]


def list_others(client: Client, items: Iterable[Item], executor: Executor, members: Iterable[Member] = ()) -> list[Item]:
    """Returns all other generations of the items' ConfigMaps and Secrets: of the same targets, or listed by the stack. A delete removes them too.

    Args:
        client: the API server.
        items: the stack's objects.
        executor: for requests in parallel.
        members: what the stack lists.
    """
    own = StackConfigs.of(items, members)
    return [generation.item for generation in choose_obsolete(live_generations(client, own.owners, executor), own, keep=0)]


def find_newest(client: Client, items: Iterable[Item], executor: Executor) -> dict[Config, Item]:
    """Returns the newest live generation of each ConfigMap and Secret under a content-hashed name that its own target applied."""
    owners = StackConfigs.of(items).owners
    found = sorted(live_generations(client, owners, executor), key=lambda each: (each.created, each.name))
    return {generation.config: generation.item for generation in found if owners.get(generation.config) == generation.owner}


def check_external_configs(client: Client, items: Iterable[Item], executor: Executor) -> None:
    """Checks that no item refers to configuration whose name only a larger closure knows, before anything is sent.

    `//b:dev` may use a ConfigMap of `//a:dev`. A closure that contains both writes the content-hashed name; applied alone,
    `//b:dev` would refer to a name that does not exist.

    Raises:
        TurnupError: naming both targets and what to do.
    """
    items = list(items)
    own = {Config(item.identity.kind, item.identity.namespace, item.identity.name) for item in items}
    external: dict[Config, Item] = {}
    for item in items:
        for config in references(item.obj):
            # The server refuses other names, or they mean something else; none of them can be asked for.
            if config not in own and is_object_name(config.name):
                external.setdefault(config, item)

    def generations_in(collection: tuple[str, str]) -> list[Object]:
        kind, namespace = collection
        names = sorted({label_value(config.name) for config in external if (config.kind, config.namespace) == collection})
        query = {"labelSelector": f"{BASE_LABEL} in ({','.join(names)})"}
        return _metadata(client, _RESOURCES[kind].path(namespace), query)

    collections = sorted({(config.kind, config.namespace) for config in external})
    for (kind, namespace), found in zip(collections, executor.map(generations_in, collections), strict=False):
        for obj in found:
            base = Config(kind, namespace, (obj["metadata"].get("annotations") or {}).get(BASE_ANNOTATION, ""))
            user = external.get(base)
            plain = Item("", {}, _RESOURCES[kind], Identity("", kind, namespace, base.name))
            if user and live_metadata(client, plain) is None:
                raise TurnupError(
                    f"{user.label}: {user.identity} uses {kind} {base.name}, which {owner(obj)} applies under a name that changes "
                    f"with its content; nothing was sent. Apply a target that contains both, or annotate the {kind} with "
                    f'{STABLE_ANNOTATION}: "true".'
                )


def _metadata(client: Client, path: str, query: dict[str, str]) -> list[Object]:
    """Returns the metadata of a collection's objects; an account that may not list them gets none."""
    try:
        return client.request("GET", path, query=query, accept=METADATA_LIST)[1].get("items") or []
    except ApiError as error:
        if error.status == 403:
            return []
        raise
