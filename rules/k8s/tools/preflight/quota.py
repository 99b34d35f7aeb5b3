"""Comparison of a closure with ResourceQuotas, to find what certainly exceeds them. Pure functions.

Two sums are compared with a quota's hard limits before the first write:

1. For what the apply itself creates (objects, storage of claims): the quota's current use plus the new objects. The server
   makes the same calculation, and would refuse the object that exceeds the limit.
2. For what controllers create later (pods, their requests and limits): the manifests' sums alone. The current use includes
   this stack's old pods, which new pods replace, and other pods that may be gone by then. So the remaining room is unknown,
   and nothing is refused here that the server might accept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.kinds import REPLICATED
from rules.k8s.tools.objects.objects import Identity, Object

_SUFFIXES: dict[str, Decimal | int] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": 1000,
    "M": 1000**2,
    "G": 1000**3,
    "T": 1000**4,
    "P": 1000**5,
    "E": 1000**6,
    "Ki": 1024,
    "Mi": 1024**2,
    "Gi": 1024**3,
    "Ti": 1024**4,
    "Pi": 1024**5,
    "Ei": 1024**6,
}
_COUNTED = {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "PersistentVolumeClaim": "persistentvolumeclaims"}
_STORAGE = "requests.storage"


def find_exceeded(quota: Object, items: Iterable[Item], new: Collection[Identity] = ()) -> list[tuple[Item, str]]:
    """Finds the limits of a quota that the items of its namespace exceed.

    Args:
        quota: a live ResourceQuota. One with scopes counts only some pods and is left to the server.
        items: everything that the run applies to the quota's namespace.
        new: identities of the items that do not exist yet.

    Returns:
        (the first item over the limit, a sentence without the target's name) for each exceeded limit.
    """
    spec = quota.get("spec") or {}
    if spec.get("scopes") or spec.get("scopeSelector"):
        return []
    found = []
    items = list(items)
    used = (quota.get("status") or {}).get("used") or {}
    for name, text in (spec.get("hard") or {}).items():
        hard = parse_quantity(text)
        if hard is None:
            continue
        allows = f"and the quota {quota['metadata']['name']} allows {text}"
        item, asked = _first_over(items, name, hard)
        if item:
            found.append((item, f"the objects request {_plain(asked)} {name}, {allows}; request less, or raise the quota."))
            continue
        in_use = parse_quantity(used.get(name)) if _is_created_by_apply(name) else None
        if in_use is None:
            continue
        item, asked = _first_over([each for each in items if each.identity in new], name, hard - in_use)
        if item:
            found.append(
                (
                    item,
                    (
                        f"the new objects request {_plain(asked)} {name}, {allows}, of which {used[name]} are in use; "
                        "make room, request less, or raise the quota."
                    ),
                )
            )
    return found


def _first_over(items: list[Item], name: str, room: Decimal) -> tuple[Item | None, Decimal]:
    """Returns (the first item that does not fit, None if all fit; the sum over all items)."""
    total, first = Decimal(0), None
    for item in items:
        asked = requested_amount(item, name)
        total += asked
        if asked and total > room:
            first = first or item
    return first, total


def _is_created_by_apply(name: str) -> bool:
    """Returns whether a limit counts what the apply itself creates."""
    return name == _STORAGE or name in _COUNTED.values() or (name.startswith("count/") and name != "count/pods")


def requested_amount(item: Item, name: str) -> Decimal:
    """Returns what an item adds to a resource of a quota, such as `pods`, `requests.cpu`, `count/deployments.apps` or `services`."""
    kind, obj = item.identity.kind, item.obj
    counted = f"count/{item.resource.plural}" + (f".{item.identity.group}" if item.identity.group else "")
    if name == counted or (not item.identity.group and _COUNTED.get(kind) == name):
        return Decimal(1)
    if name == _STORAGE:
        asked = (((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
        return (parse_quantity(asked) or Decimal(0)) if kind == "PersistentVolumeClaim" and not item.identity.group else Decimal(0)
    pods, spec = _pods(kind, item.identity.group, obj)
    if not pods:
        return Decimal(0)
    if name in ("pods", "count/pods"):
        return Decimal(pods)
    side, _, resource = name.rpartition(".")
    if side not in ("requests", "limits") and name not in ("cpu", "memory"):
        return Decimal(0)
    return pods * sum((_asked(container, side or "requests", resource) for container in spec.get("containers") or []), Decimal(0))


def _asked(container: Any, side: str, resource: str) -> Decimal:
    resources = (container.get("resources") if isinstance(container, dict) else None) or {}
    limits = resources.get("limits") or {}
    # A missing request defaults to the limit.
    asked = (resources.get(side) or {}).get(resource, limits.get(resource) if side == "requests" else None)
    return parse_quantity(asked) or Decimal(0)


def _pods(kind: str, group: str, obj: Object) -> tuple[int, dict[str, Any]]:
    """Returns (the number of pods that an object certainly creates, their spec)."""
    spec = obj.get("spec") or {}
    if kind == "Pod" and not group:
        return 1, spec
    if (kind in REPLICATED and group == "apps") or (kind == "Job" and group == "batch"):
        count = spec.get("replicas", 1) if kind in REPLICATED else spec.get("parallelism", 1)
        return count if isinstance(count, int) else 0, ((spec.get("template") or {}).get("spec") or {})
    return 0, {}


def parse_quantity(value: Any) -> Decimal | None:
    """Returns the value of a Kubernetes quantity (`500m`, `1Gi`, 2, `1e3`); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value)
    for length in (2, 1):
        if text[-length:] in _SUFFIXES and len(text) > length:
            number, factor = text[:-length], _SUFFIXES[text[-length:]]
            break
    else:
        number, factor = text, 1
    try:
        return Decimal(number) * factor
    except InvalidOperation:
        return None


def _plain(value: Decimal) -> str:
    for suffix in ("Ti", "Gi", "Mi"):
        if value and value % _SUFFIXES[suffix] == 0:
            return f"{value / _SUFFIXES[suffix]:f}{suffix}"
    return f"{value.normalize():f}"
