"""The recreation of an object with an immutable field that changes, where its manifest asks for that.

If the server refuses a change of an object with the annotation `turnup/on-immutable: recreate` but would accept the manifest
as a new object, one write deletes and recreates it. Pods of Deployments and StatefulSets keep running meanwhile if the new
object has the same selector; claims that a StatefulSet created always stay. A run that is killed in between leaves nothing
under the name, and the next run creates the object.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER, Client, WriteFence
from rules.k8s.tools.api.finalizers import describe_finalizers
from rules.k8s.tools.api.item import Item, Result, attempt
from rules.k8s.tools.deletion.delete_request import delete_object
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.kinds import ADOPTING, DATA_KINDS, NAMED_BY_SPEC
from rules.k8s.tools.objects.objects import Object

ON_IMMUTABLE = "turnup/on-immutable"
_RECREATE = "recreate"
# The value in version 0.1, which 0.2 still reads.
_FORMER_VALUE = "replace"
# How long an object may take to be gone; its dependents are not waited for.
_GONE_SECONDS = 60.0


def refusal(item: Item) -> str:
    """Returns one sentence about an annotation that cannot be followed, "" if it can be or there is none."""
    wanted = _wanted(item.obj)
    what = f"{item.label}: {item.identity}: its annotation {ON_IMMUTABLE}"
    if wanted not in ("", _RECREATE):
        return f"{what} is {wanted!r}; write {_RECREATE!r} or remove it."
    if wanted and item.identity.kind in DATA_KINDS:
        return f"{what} would delete its data; remove the annotation and move the data by hand."
    return ""


def is_wanted(item: Item) -> bool:
    """Returns whether an item's manifest allows its recreation."""
    return _wanted(item.obj) == _RECREATE and item.identity.kind not in DATA_KINDS


def is_asked_by(item: Item, live: Object) -> bool:
    """Returns whether a live object allows its recreation, for a rollback to a set from before the annotation was added."""
    return _wanted(live) == _RECREATE and item.identity.kind not in DATA_KINDS


def as_new(client: Client, item: Item, live: Object | None = None) -> Object:
    """Returns what the server would create from an item under another name, by a dry run.

    Args:
        client: the API server.
        item: the object.
        live: the object that has its name now. The server also writes the dry run's name and UID into labels and selectors of
            a Job; the returned object has the name and the UID of this one there.

    Raises:
        ApiError: the server would not accept it as a new object either.
    """
    meta = {key: value for key, value in item.obj["metadata"].items() if key != "name"}
    answer: Any = client.request(
        "POST",
        item.resource.path(item.identity.namespace),
        body={**item.obj, "metadata": {**meta, "generateName": "turnup-preflight-"}},
        query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict"},
    )[1]
    made = {key: value for key, value in answer["metadata"].items() if key != "generateName"}
    result = {**answer, "metadata": {**made, "name": item.identity.name}}
    invented = {made.get("name"): item.identity.name, made.get("uid"): live["metadata"]["uid"] if live else "(of the new object)"}
    return dict(_renamed(result, {key: value for key, value in invented.items() if key}))


def check(client: Client, item: Item) -> None:
    """Checks that an item can be recreated, without doing so.

    Raises:
        ApiError: the server would not accept it as a new object, or not delete the live one.
        TurnupError: the deletion would delete claims as well.
    """
    check_new(client, item)
    live = client.request("GET", item.path)[1]
    delete_object(client, item, live["metadata"]["uid"], propagation=_propagation(item, live), dry=True)


def check_new(client: Client, item: Item) -> None:
    """Checks that the server would accept an item as a new object, while another one has its name.

    Raises:
        ApiError: it would not.
    """
    try:
        as_new(client, item)
    except ApiError as error:
        # Refusals that only a second object beside the first one gets do not count: a port that is taken, a full quota. An object
        # that derives its name from its content cannot be tried under another name.
        if error.status != 403 and "already allocated" not in error.message and item.identity.kind not in NAMED_BY_SPEC:
            raise


def recreate(client: Client, item: Item, before: Object, fence: WriteFence, apply: Callable[[Item, Object | None], Result]) -> Result:
    """Deletes an object, waits until it is gone and creates it again.

    Args:
        client: the API server.
        item: the object.
        before: metadata of the live object to delete, as an object.
        fence: entered around the request that deletes.
        apply: creates the object.

    Raises:
        UnreachableError: the server does not answer.
    """

    def delete_and_apply() -> Result:
        live = client.get_or_none(item.path)
        # Another object under the same name must not be deleted: the server says whether it accepts the manifest.
        if live and live["metadata"]["uid"] == before["metadata"]["uid"]:
            delete_object(client, item, live["metadata"]["uid"], propagation=_propagation(item, live), fence=fence)
            wait_gone(client, item, live["metadata"]["uid"])
            live = None
        return apply(item, live)

    result = attempt(item, delete_and_apply)
    return replace(result, outcome="replaced") if result.outcome == "created" else result


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Returns a value in which some strings are replaced by others, wherever a string is one of them as a whole."""
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
    """Returns what becomes of a live object's dependents: `Orphan` leaves them to the new object.

    Raises:
        TurnupError: claims would be deleted as well.
    """
    if item.identity.group != "apps" or item.identity.kind not in ADOPTING:
        return "Background"
    spec, wanted = live.get("spec") or {}, item.obj.get("spec") or {}
    if spec.get("selector") == wanted.get("selector"):
        return "Orphan"
    if (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenDeleted") == "Delete":
        raise TurnupError(
            f"{item.label}: {item.identity}: its selector changes, and deleting it deletes its claims (persistentVolumeClaimRetentionPolicy); "
            "apply whenDeleted: Retain first."
        )
    return "Background"


def wait_gone(client: Client, item: Item, uid: str) -> None:
    """Waits until a terminating object is gone, or another one has its name.

    Raises:
        ApiError: it may not be read.
        TurnupError: it still exists after a minute; the sentence names its finalizers.
    """
    deadline, pause = time.monotonic() + _GONE_SECONDS, 0.05
    while (live := client.get_or_none(item.path)) and live["metadata"]["uid"] == uid:
        if time.monotonic() > deadline:
            held = describe_finalizers(live)
            raise TurnupError(
                f"{item.label}: {item.identity} cannot be recreated because it is still terminating"
                + (f" ({held}); look at the controllers of these finalizers, then run it again." if held else "; run it again.")
            )
        time.sleep(pause)
        pause = min(1.0, pause * 2)
