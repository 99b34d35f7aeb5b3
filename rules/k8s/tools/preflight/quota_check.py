"""The check of quotas before the first write: reads what the namespaces of a run have, and compares (see quota.py)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from rules.k8s.tools.api.client import METADATA_LIST, Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.limit_ranges import with_defaults
from rules.k8s.tools.preflight.pod_demand import is_pod_resource, pod_spec
from rules.k8s.tools.preflight.quota import NamespaceState, claimed_storage, find_exceeded, requested_amount
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict

_CLAIMED = ("persistentvolumeclaims", "requests.storage")


@dataclass(frozen=True)
class QuotaCheck:
    """Compares what a run requests with the quotas of its namespaces.

    Attributes:
        client: client of the API server.
        executor: runs requests in parallel.
        leaving: objects that the run deletes.
        dry_run: returns what an apply would make of an item.
    """

    client: Client
    executor: Executor
    leaving: Collection[Identity]
    dry_run: Callable[[Item], Object]

    def refusals(self, items: Iterable[Item], verdicts: Mapping[Identity, Verdict | Refusal]) -> list[Refusal]:
        """Returns a refusal for each exceeded limit.

        Args:
            items: everything that the run applies.
            verdicts: what the preflight has found about those that are not certainly unchanged.
        """
        written = {identity for identity, each in verdicts.items() if not (isinstance(each, Verdict) and each.outcome == "unchanged")}
        places = {identity.namespace for identity in written} - {""}
        inside: dict[str, list[Item]] = {}
        for item in items:
            if item.identity.namespace in places:
                inside.setdefault(item.identity.namespace, []).append(item)
        refusals = []
        for (namespace, part), quotas in zip(inside.items(), self.executor.map(self._quotas, inside.items()), strict=True):
            if not quotas:
                continue
            new = {identity for identity in written if isinstance(each := verdicts[identity], Verdict) and each.outcome == "new"}
            state = self._state(namespace, part, quotas, new, written)
            admitted = self._as_admitted(namespace, part)
            for quota in quotas:
                for item, sentence in find_exceeded(quota, admitted, new, state):
                    refusals.append(Refusal(item, f"{item.label}: namespace {namespace}: {sentence}"))
        return refusals

    def _quotas(self, place: tuple[str, list[Item]]) -> list[Object]:
        """Returns the quotas of a namespace as they are once the run is done: those of the closure as its manifests have them."""
        namespace, items = place
        live = {quota["metadata"]["name"]: quota for quota in self._list(f"/api/v1/namespaces/{namespace}/resourcequotas") or ()}
        for item in items:
            if (item.identity.group, item.identity.kind) == ("", "ResourceQuota"):
                name = item.identity.name
                live[name] = {**live.get(name, {}), "metadata": {"name": name}, "spec": item.obj.get("spec") or {}}
        return list(live.values())

    def _as_admitted(self, namespace: str, items: list[Item]) -> list[Item]:
        """Returns the items with what the namespace's LimitRanges add to their pods; those of the closure count as its manifests have them."""
        if not any(pod_spec(item.identity, item.obj) for item in items):
            return items
        ranges = {each["metadata"]["name"]: each for each in self._list(f"/api/v1/namespaces/{namespace}/limitranges") or ()}
        ranges |= {item.identity.name: item.obj for item in items if (item.identity.group, item.identity.kind) == ("", "LimitRange")}
        return [replace(item, obj=with_defaults(item.identity, item.obj, ranges.values())) for item in items]

    def _state(self, namespace: str, items: list[Item], quotas: list[Object], new: Collection[Identity], written: Collection[Identity]) -> NamespaceState:
        """Returns what a namespace has, as far as its quotas count what the items request."""
        limited = {name for quota in quotas for name in (quota.get("spec") or {}).get("hard") or {}}
        used = {name for quota in quotas for name in (quota.get("status") or {}).get("used") or {}}
        workloads = any(pod_spec(item.identity, item.obj) for item in items) and any(map(is_pod_resource, limited))
        daemons = workloads and any(item.identity.kind == "DaemonSet" for item in items)
        claims = any(name.endswith(_CLAIMED) for name in limited) and any(requested_amount(item, _CLAIMED[0]) for item in items)
        root = f"/api/v1/namespaces/{namespace}"
        pods = self._list(f"{root}/pods") if workloads else None
        nodes = self._list("/api/v1/nodes") if daemons else None
        claimed = self._list(f"{root}/persistentvolumeclaims") if claims else None
        counts = {name: self._count(name, items, new) for name in limited - used if not is_pod_resource(name)}
        if claimed is not None and "requests.storage" in counts:
            counts["requests.storage"] = int(claimed_storage(claimed))

        manifests = {item.identity: item for item in items}

        def rolls(item: Item) -> bool:
            return item.identity in written and item.identity not in new and self._rolls(manifests[item.identity])

        return NamespaceState(
            None if pods is None else tuple(pods),
            None if claimed is None else tuple(claimed),
            None if nodes is None else tuple(nodes),
            frozenset((identity.kind, identity.name) for identity in self.leaving if identity.namespace == namespace),
            rolls,
            {name: count for name, count in counts.items() if count is not None},
        )

    def _count(self, name: str, items: Iterable[Item], new: Collection[Identity]) -> int | None:
        """Returns how many objects exist that a limit counts which the cluster has not counted yet; None if no new item matters or it is unknown."""
        item = next((item for item in items if item.identity in new and requested_amount(item, name) == 1 and not name.startswith("services.")), None)
        if item is None or item.identity.kind == "StatefulSet":
            return None
        try:
            page = self.client.request("GET", item.resource.path(item.identity.namespace), query={"limit": 1}, accept=METADATA_LIST)[1]
        except ApiError:
            return None
        return len(page.get("items") or []) + int((page.get("metadata") or {}).get("remainingItemCount") or 0)

    def _rolls(self, item: Item) -> bool:
        """Returns whether an apply changes the template of a workload's pods."""
        try:
            live = self.client.request("GET", item.path)[1]
            return bool((live.get("spec") or {}).get("template") != (self.dry_run(item).get("spec") or {}).get("template"))
        except ApiError:
            return False

    def _list(self, path: str) -> list[Object] | None:
        """Returns a collection; None if it may not be read. The server enforces quotas anyway; this check only reports them earlier."""
        try:
            return list(self.client.request("GET", path)[1].get("items") or [])
        except ApiError:
            return None
