"""Comparison of a closure with ResourceQuotas, to find what certainly exceeds them. Pure functions.

Two kinds of sums are compared with a quota's hard limits before the first write. If the closure has the quota, its manifest
counts, not the live quota: raising a quota is never refused by the quota.

1. What the apply itself creates (objects, storage of claims): the quota's current use plus the new objects. The server makes
   the same calculation, and would refuse the object that exceeds the limit.
2. What controllers create (pods, their requests and limits): the manifests' sums, plus what pods of others use, plus one pod
   for a rollout that cannot begin without it. Nothing is refused that the cluster would accept: a rollout that may delete old
   pods first, or that finds room for one new pod at a time, takes longer and ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.pod_demand import in_scope, is_finished, is_pod_resource, needs_surge, pod_amount, pod_count, pod_spec, workload_of
from rules.k8s.tools.preflight.quantities import format_quantity, parse_quantity

_COUNTED = {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "PersistentVolumeClaim": "persistentvolumeclaims"}
_COUNTED |= {"ReplicationController": "replicationcontrollers", "ResourceQuota": "resourcequotas"}
_STORAGE = "requests.storage"
_CLAIMS = "persistentvolumeclaims"
_OF_CLASS = ".storageclass.storage.k8s.io/"
_SERVICES = ("services.loadbalancers", "services.nodeports")


@dataclass(frozen=True)
class NamespaceState:
    """What a namespace has before a run, as far as quotas count it.

    Attributes:
        pods: its live pods; None if they are unknown.
        claims: its live claims; None if they are unknown.
        nodes: the cluster's nodes; None if they are unknown.
        leaving: (kind, name) of workloads that the run deletes.
        rolls: returns whether the run replaces the pods of a workload.
        counts: resource of a quota → how many objects of that kind exist.
    """

    pods: tuple[Object, ...] | None = None
    claims: tuple[Object, ...] | None = None
    nodes: tuple[Object, ...] | None = None
    leaving: frozenset[tuple[str, str]] = frozenset()
    rolls: Callable[[Item], bool] = lambda item: False
    counts: Mapping[str, int] = field(default_factory=dict)

    def pods_of(self, item: Item) -> list[Object] | None:
        """Returns the live pods of a workload that have not ended; None if they are unknown."""
        if self.pods is None:
            return None
        return [pod for pod in self.pods if workload_of(pod) == (item.identity.kind, item.identity.name) and not is_finished(pod)]


_UNKNOWN = NamespaceState()


def find_exceeded(quota: Object, items: Iterable[Item], new: Collection[Identity] = (), state: NamespaceState = _UNKNOWN) -> list[tuple[Item, str]]:
    """Finds the limits of a quota that the items of its namespace exceed.

    Args:
        quota: a ResourceQuota, with the spec that it has after the run and its live status.
        items: everything that the run applies to the quota's namespace.
        new: identities of the items that do not exist yet.
        state: what the namespace has.

    Returns:
        (the first item over the limit, a sentence without the target's name) for each exceeded limit.
    """
    spec = quota.get("spec") or {}
    scoped = bool(spec.get("scopes") or spec.get("scopeSelector"))
    items, found = list(items), []
    for name, text in (spec.get("hard") or {}).items():
        hard = parse_quantity(text)
        if hard is None or (scoped and not is_pod_resource(name)):
            continue
        allows = f"and the quota {quota['metadata']['name']} allows {text}"
        check = _find_pods_over if is_pod_resource(name) else _find_objects_over
        over = check(quota, name, hard, items, new, state)
        if over:
            found.append((over[0], f"{over[1].replace('{allows}', allows)}, or raise the quota."))
    return found


def _find_pods_over(quota: Object, name: str, hard: Decimal, items: list[Item], new: Collection[Identity], state: NamespaceState) -> tuple[Item, str] | None:
    """Returns the first item over a limit of pods, and a sentence; None if everything fits."""
    demands: list[tuple[Item, Decimal, Decimal]] = []
    in_use = Decimal(0)
    for item in items:
        spec = pod_spec(item.identity, item.obj)
        if not spec or not in_scope(quota, spec):
            continue
        live = None if item.identity in new else state.pods_of(item)
        in_use += sum((pod_amount(pod.get("spec") or {}, name) for pod in live or ()), Decimal(0))
        each = pod_amount(spec, name)
        demands.append((item, each, each * pod_count(item.identity, item.obj, None if live is None else len(live), state.nodes)))
    first, own = _first_over([(item, asked) for item, _, asked in demands], hard)
    # What runs already goes on if somebody else has lowered the quota since; a closure that contradicts itself is an error.
    declared = any((item.identity.group, item.identity.kind, item.identity.name) == ("", "ResourceQuota", quota["metadata"]["name"]) for item in items)
    if first and (own > in_use or declared or state.pods is None):
        return first, f"the objects request {format_quantity(own)} {name}, {{allows}}; request less"
    if state.pods is None or not demands:
        return None
    mine = {(item.identity.kind, item.identity.name) for item, _, _ in demands} | state.leaving
    others = sum((pod_amount(pod.get("spec") or {}, name) for pod in state.pods if _counts(quota, name, pod) and workload_of(pod) not in mine), Decimal(0))
    beside = f"beside the {format_quantity(others)} that others use, " if others else ""
    first, _ = _first_over([(item, asked) for item, _, asked in demands], hard - others)
    if first and own > in_use:
        return first, f"the objects request {format_quantity(own)} {name} {beside}{{allows}}; make room, request less".replace("  ", " ")
    for item, each, _ in demands:
        if others + own + each > hard and each and item.identity not in new and needs_surge(item.identity, item.obj) and state.rolls(item):
            return item, (
                f"the rollout of {item.identity} starts a new pod before it deletes an old one, which takes {format_quantity(own + each)} {name} "
                f"{beside}{{allows}}; let it delete one first (maxUnavailable: 1), make room"
            )
    return None


def _counts(quota: Object, name: str, pod: Object) -> bool:
    return in_scope(quota, pod.get("spec") or {}) and (name == "count/pods" or not is_finished(pod))


def _find_objects_over(quota: Object, name: str, hard: Decimal, items: list[Item], new: Collection[Identity], state: NamespaceState) -> tuple[Item, str] | None:
    """Returns the first item over a limit of objects or storage, and a sentence; None if everything fits."""
    first, asked = _first_over([(item, requested_amount(item, name)) for item in items], hard)
    if first:
        return first, f"the objects request {format_quantity(asked)} {name}, {{allows}}; request less"
    used = parse_quantity(((quota.get("status") or {}).get("used") or {}).get(name, state.counts.get(name)))
    if used is None:
        return None
    existing = frozenset(claim["metadata"]["name"] for claim in state.claims or ())
    added = [(item, requested_amount(item, name, existing)) for item in items if item.identity in new or (state.claims is not None and _has_templates(item))]
    first, asked = _first_over(added, hard - used)
    if first:
        return (
            first,
            f"the new objects request {format_quantity(asked)} {name}, {{allows}}, of which {format_quantity(used)} are in use; make room, request less",
        )
    return None


def _first_over(demands: list[tuple[Item, Decimal]], room: Decimal) -> tuple[Item | None, Decimal]:
    """Returns (the first item that does not fit, None if all fit; the sum over all items)."""
    total, first = Decimal(0), None
    for item, asked in demands:
        total += asked
        if asked and total > room:
            first = first or item
    return first, total


def requested_amount(item: Item, name: str, existing: Collection[str] = ()) -> Decimal:
    """Returns what an item adds to a resource of a quota that counts objects, such as `count/deployments.apps` or `services`.

    Args:
        item: the item.
        name: the resource.
        existing: names of claims that exist, and that a StatefulSet among the items does not create again.
    """
    kind, spec = item.identity.kind, item.obj.get("spec") or {}
    counted = f"count/{item.resource.plural}" + (f".{item.identity.group}" if item.identity.group else "")
    if name == counted or (not item.identity.group and _COUNTED.get(kind) == name):
        return Decimal(1)
    if name in _SERVICES and (item.identity.group, kind) == ("", "Service"):
        return Decimal(_service_amount(spec, name))
    claims = [each for each in _claims(item) if each["metadata"].get("name") not in existing]
    storage_class, _, resource = name.rpartition(_OF_CLASS)
    if storage_class:
        claims = [claim for claim in claims if (claim.get("spec") or {}).get("storageClassName") == storage_class]
    if resource.removeprefix("count/") == _CLAIMS:
        return Decimal(len(claims))
    return sum((_storage(claim) for claim in claims), Decimal(0)) if resource == _STORAGE else Decimal(0)


def claimed_storage(claims: Iterable[Object]) -> Decimal:
    """Returns the storage that claims request, in bytes."""
    return sum(map(_storage, claims), Decimal(0))


def _service_amount(spec: Object, name: str) -> int:
    balanced = spec.get("type") == "LoadBalancer"
    if name == "services.loadbalancers":
        return int(balanced)
    return len(spec.get("ports") or []) if spec.get("type") == "NodePort" or (balanced and spec.get("allocateLoadBalancerNodePorts") is not False) else 0


def _has_templates(item: Item) -> bool:
    return (item.identity.group, item.identity.kind) == ("apps", "StatefulSet") and bool((item.obj.get("spec") or {}).get("volumeClaimTemplates"))


def _claims(item: Item) -> list[Object]:
    """Returns the claims that an item is, or that a StatefulSet creates."""
    spec = item.obj.get("spec") or {}
    if (item.identity.group, item.identity.kind) == ("", "PersistentVolumeClaim"):
        return [item.obj]
    if not _has_templates(item):
        return []
    count, start = spec.get("replicas", 1), (spec.get("ordinals") or {}).get("start", 0)
    return [
        {"metadata": {"name": f"{template['metadata']['name']}-{item.identity.name}-{start + index}"}, "spec": template.get("spec")}
        for template in spec["volumeClaimTemplates"]
        for index in range(count if isinstance(count, int) else 0)
    ]


def _storage(claim: Object) -> Decimal:
    return parse_quantity((((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")) or Decimal(0)
