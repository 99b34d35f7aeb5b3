"""Conditional objects: objects that are applied only if the cluster lacks something.

An object with the annotation `turnup/only-without: default-storage-class` is skipped
if the cluster has a default StorageClass that the object's own target did not apply.
"""

from __future__ import annotations

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION, Object

ONLY_WITHOUT = "turnup/only-without"
_DEFAULT_CLASS = "default-storage-class"
_IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def find_skipped(client: Client, items: list[Item]) -> tuple[list[Item], str]:
    """Finds the items that must not be applied to this cluster.

    Args:
        client: client of the API server; used only if an item has a condition.
        items: all items of the run.

    Returns:
        (the items to skip, the reason); ([], "") if none is skipped.

    Raises:
        TurnupError: an item has an unknown condition.
        ApiError: the server refuses to list StorageClasses.
    """
    conditional = [item for item in items if _condition(item)]
    if not conditional:
        return [], ""
    for item in conditional:
        if _condition(item) != _DEFAULT_CLASS:
            raise TurnupError(
                f"{item.label}: {item.identity}: the annotation {ONLY_WITHOUT} is {_condition(item)!r}; use {_DEFAULT_CLASS!r}, the only condition."
            )
    _, answer = client.request("GET", "/apis/storage.k8s.io/v1/storageclasses")
    own = {item.label for item in conditional}
    others = [cls["metadata"]["name"] for cls in answer.get("items", []) if _is_default(cls) and _owner(cls) not in own]
    if not others:
        return [], ""
    return conditional, f"the cluster has a default storage class, {others[0]}"


def _annotations(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def _condition(item: Item) -> str:
    return _annotations(item.obj).get(ONLY_WITHOUT, "")


def _is_default(cls: Object) -> bool:
    return _annotations(cls).get(_IS_DEFAULT) == "true"


def _owner(cls: Object) -> str:
    return _annotations(cls).get(OWNER_ANNOTATION, "")
