"""Deleting an object and making it again, where a field cannot be changed and its manifest asks for that.

An object with the annotation `turnup/on-immutable: recreate` that the server does not let become what the manifest says,
and would take as a new object, is deleted and made again in one write. Pods of Deployments and StatefulSets run on
meanwhile where the new object finds them by the same selector; claims that a StatefulSet has made stay in any case.
Killed between the two, a run leaves nothing under the name, and the next one makes the object.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Callable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import FIELD_MANAGER, Client, WriteFence
from rules.k8s.tools.api.finalizers import holders
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.deletion.deletion import delete_object
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.kinds import ADOPTING, DATA_KINDS, NAMED_BY_SPEC
from rules.k8s.tools.objects.objects import Object

ON_IMMUTABLE = "turnup/on-immutable"
_RECREATE = "recreate"
# The value of this annotation in version 0.1, which 0.2 still reads.
_FORMER_VALUE = "replace"
# So long an object may take to be gone; that of its dependents is not waited for.
_GONE_SECONDS = 60.0


def refusal(item: Item) -> str:
    """Returns one sentence about an annotation that cannot be followed, "" where it can be or there is none."""
    wanted = _wanted(item.obj)
    what = f"{item.label}: {item.identity}: its annotation {ON_IMMUTABLE}"
    if wanted not in ("", _RECREATE):
        return f"{what} is {wanted!r}; write {_RECREATE!r}, or leave it out."
    if wanted and item.identity.kind in DATA_KINDS:
        return f"{what} would delete what is in it; leave it out, and move the data by hand."
    return ""


def is_wanted(item: Item) -> bool:
    """Says whether an item may be deleted and made again."""
    return _wanted(item.obj) == _RECREATE and item.identity.kind not in DATA_KINDS


def is_asked_by(item: Item, live: Object) -> bool:
    """Says whether a live object has the annotation: an older set, from before it was added, may be gone back to all the same."""
    return _wanted(live) == _RECREATE and item.identity.kind not in DATA_KINDS


def as_new(client: Client, item: Item, live: Object | None = None) -> Object:
    """Returns what the server would make of an item if it had another name, by a dry run.

    Args:
        client: the API server.
        item: the object.
        live: the object that has its name now. What the server invents for the dry run, the other name and a UID, stands in labels and
            selectors of a Job, too; there the answer has the name and the UID of this one.

    Raises:
        ApiError: the server would not take it as a new object either.
    """
    meta = {key: value for key, value in item.obj["metadata"].items() if key != "name"}
    answer: Any = client.request(
        "POST", item.resource.path(item.identity.namespace), body={**item.obj, "metadata": {**meta, "generateName": "turnup-preflight-"}},
        query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict"})[1]
    made = {key: value for key, value in answer["metadata"].items() if key != "generateName"}
    result = {**answer, "metadata": {**made, "name": item.identity.name}}
    invented = {made.get("name"): item.identity.name, made.get("uid"): live["metadata"]["uid"] if live else "(of the new object)"}
    return dict(_renamed(result, {key: value for key, value in invented.items() if key}))


def check(client: Client, item: Item) -> None:
    """Checks that an item may be deleted and made again, without doing so.

    Raises:
        ApiError: the server would not take it as a new object, or not delete the live one.
        TurnupError: claims would be deleted with it.
    """
    check_new(client, item)
    live = client.request("GET", item.path)[1]
    delete_object(client, item, live["metadata"]["uid"], propagation=_propagation(item, live), dry=True)


def check_new(client: Client, item: Item) -> None:
    """Checks that the server would take an item as a new object, while another one has its name.

    Raises:
        ApiError: it would not.
    """
    try:
        as_new(client, item)
    except ApiError as error:
        # What a second object beside the first one may not have counts for nothing: a port, room in a quota. What has its name
        # from what it says cannot be tried under another one.
        if error.status != 403 and "already allocated" not in error.message and item.identity.kind not in NAMED_BY_SPEC:
            raise


def recreate(client: Client, item: Item, before: Object, fence: WriteFence, apply: Callable[[Item, Object | None], Result]) -> Result:
    """Deletes an object, waits until it is gone and makes it again.

    Args:
        client: the API server.
        item: the object.
        before: metadata of the live object that may be deleted, as an object.
        permit: entered around the request that deletes.
        apply: makes the object.
    """
    try:
        live = _read(client, item)
        # Another object under the same name is not ours to delete: the server says what it makes of the manifest.
        if live and live["metadata"]["uid"] == before["metadata"]["uid"]:
            delete_object(client, item, live["metadata"]["uid"], propagation=_propagation(item, live), fence=fence)
            wait_gone(client, item, live["metadata"]["uid"])
            live = None
    except ApiError as error:
        return Result(item, "failed", error=explain(error, item.label, item.identity))
    except UnreachableError:
        raise
    except TurnupError as error:
        return Result(item, "failed", error=str(error))
    result = apply(item, live)
    return replace(result, outcome="replaced") if result.outcome == "created" else result


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Returns a value with some texts replaced by others, wherever one is the whole of a value."""
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _wanted(obj: Object) -> str:
    """Returns the value of the annotation, "" without one."""
    value = str((obj["metadata"].get("annotations") or {}).get(ON_IMMUTABLE, ""))
    return _RECREATE if value == _FORMER_VALUE else value


def _propagation(item: Item, live: Object) -> str:
    """Returns what becomes of what a live object has made: `Orphan` leaves it to the next one.

    Raises:
        TurnupError: claims would go with it.
    """
    if item.identity.group != "apps" or item.identity.kind not in ADOPTING:
        return "Background"
    spec, wanted = live.get("spec") or {}, item.obj.get("spec") or {}
    if spec.get("selector") == wanted.get("selector"):
        return "Orphan"
    if (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted") == "Delete":
        raise TurnupError(f"{item.label}: {item.identity}: its selector changes and its claims go with it (persistentVolumeClaimRetentionPolicy); "
                          "apply whenDeleted: Retain before.")
    return "Background"


def _read(client: Client, item: Item) -> Object | None:
    try:
        live: Object = client.request("GET", item.path)[1]
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return live


def wait_gone(client: Client, item: Item, uid: str) -> None:
    """Waits until an object that is being deleted is gone, or another one has its name.

    Raises:
        ApiError: it may not be read.
        TurnupError: it is still there after a minute; the sentence says what holds it.
    """
    deadline, pause = time.monotonic() + _GONE_SECONDS, 0.05
    while (live := _read(client, item)) and live["metadata"]["uid"] == uid:
        if time.monotonic() > deadline:
            raise TurnupError(f"{item.label}: {item.identity} is to be made again and is still being deleted "
                              f"({holders(live) or 'finalizers: none'}); look at what holds them, and run it again.")
        time.sleep(pause)
        pause = min(1.0, pause * 2)
