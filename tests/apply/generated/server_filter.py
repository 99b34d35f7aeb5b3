"""Finds objects that the API server takes: it tries generated ones with dry runs, and repairs them by what the server says."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from rules.k8s.tools.api.client import APPLY_PATCH, Client
from rules.k8s.tools.errors import ApiError, TurnupError
from tests.apply.generated.hints import PLACE, name_of
from tests.apply.generated.schemas import Kind
from tests.apply.generated.values import Added, Values

PROBE = "probe-place"
"""The namespace in which objects are tried."""

_ATTEMPTS = 40
_STEP = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_SUPPORTED = re.compile(r"supported values: (.*)|must be one of:? (.*)|valid values are:? (.*)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"')
# ".spec.ports: element 0: …", "spec.x: expected string", unknown field "spec.x"
_TYPED = re.compile(r"(?:^|[\s\"(;])\.?((?:spec|data|metadata|webhooks|status|[a-z][A-Za-z]*)(?:\.[A-Za-z][\w-]*|\[[^\]]*\])*)(?::|\")")

Path = list[str | int]


def steps_of(text: str) -> Path:
    """Returns a field path of the server's messages as steps."""
    steps: Path = []
    for index, name in _STEP.findall(text):
        steps.append(name or (int(index) if index.isdigit() else index if "=" in index else index.strip("\"'")))
    return steps


def holder_of(obj: Any, path: Path) -> tuple[Any, Any] | None:
    """Returns (container, key) of the deepest part of a path that exists; None if nothing of it does."""
    found, value = None, obj
    for step in path:
        key = _key_in(value, step)
        if key is None:
            break
        found, value = (value, key), value[key]
    return found


def _key_in(value: Any, step: str | int) -> Any:
    """Returns the key or index that a step names in a container, None if it is not there. A step may be `name="x"`."""
    if isinstance(value, dict):
        return step if step in value else None
    if not isinstance(value, list):
        return None
    if isinstance(step, int):
        return step if step < len(value) else None
    wanted = dict(part.partition("=")[::2] for part in step.split(","))
    for index, item in enumerate(value):
        if isinstance(item, dict) and any(str(item.get(key)) == text.strip('"') for key, text in wanted.items()):
            return index
        if item == step:
            return index
    return None


def drop(obj: Any, path: Path) -> bool:
    """Removes what is at a path, or the deepest part of it that exists; returns whether something was removed."""
    found = holder_of(obj, path)
    if found is None or (found[0] is obj and found[1] in ("apiVersion", "kind", "metadata")) or (found[0] is obj.get("metadata") and found[1] == "name"):
        return False
    del found[0][found[1]]
    return True


def placed(value: dict[str, Any], place: str) -> dict[str, Any]:
    """Returns a copy of an object in a namespace ("" for a cluster-scoped one), with the places that hints name filled in."""

    def fill(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: fill(child) for key, child in part.items()}
        if isinstance(part, list):
            return [fill(child) for child in part]
        return (place or "default") if part == PLACE else part

    obj: dict[str, Any] = fill(value)
    return {**obj, "metadata": {**obj["metadata"], **({"namespace": place} if place else {})}}


class Filter:
    """Tries objects on a server, and repairs those that it refuses.

    Args:
        client: client of the server.
        values: the generator; it learns from what the server says.

    Attributes:
        requests: the number of dry runs so far.
    """

    def __init__(self, client: Client, values: Values) -> None:
        self._client = client
        self._values = values
        self.requests = 0

    def refusal(self, kind: Kind, obj: dict[str, Any], place: str = PROBE, manager: str = "probe") -> ApiError | None:
        """Returns the server's refusal of a server-side apply of an object; None if it would take it."""
        self.requests += 1
        body = placed(obj, place if kind.resource.namespaced else "")
        query = {"fieldManager": manager, "dryRun": "All", "fieldValidation": "Strict"}
        try:
            try:
                self._client.request("PATCH", kind.resource.path(place, obj["metadata"]["name"]), body=body, content_type=APPLY_PATCH, query=query)
            except ApiError as error:
                # The server reads JSON as YAML here, and YAML has no surrogate pairs.
                if "Unicode" not in error.message:
                    raise
                self._client.request("POST", kind.resource.path(place), body=body, query=query)
        except ApiError as error:
            return error
        except TurnupError as error:
            return ApiError(400, "", str(error))
        return None

    def base(self, kind: Kind, prefix: str) -> dict[str, Any] | None:
        """Returns an object of a kind with few fields that the server takes; None if none was found."""
        for turn in range(3):
            obj = self._values.base(kind, name_of(kind.resource.kind, prefix, turn))
            found = self.repair(kind, obj, [])
            if found is not None:
                return found
        return None

    def repair(self, kind: Kind, obj: dict[str, Any], added: list[Added]) -> dict[str, Any] | None:
        """Returns an object like the given one that the server takes; None if none was found.

        Args:
            kind: its kind.
            obj: the object; it is not changed.
            added: where its random fields are, and what each is.
        """
        obj = copy.deepcopy(obj)
        counts: dict[tuple[str | int, ...], int] = {}
        refused: set[tuple[str | int, ...]] = set()
        for attempt in range(_ATTEMPTS):
            error = self.refusal(kind, obj)
            if error is None:
                for path, key in added:
                    found = holder_of(obj, path)
                    self._values.note(key, found is not None and tuple(path) not in refused)
                return obj
            before = copy.deepcopy(obj)
            for path, reason, message in _causes(error):
                refused |= {tuple(each) for each, _ in added if each[: len(path)] == path or path[: len(each)] == each}
                counts[tuple(path)] = counts.get(tuple(path), 0) + 1
                self._mend(kind, obj, path, reason, message, counts[tuple(path)])
            # What the server says next may undo the last repair, so now and then something else goes as well.
            stuck = obj == before or attempt % 6 == 5
            if stuck and not self._drop_something(obj, added) and obj == before:
                return None
        return None

    def _mend(self, kind: Kind, obj: dict[str, Any], path: Path, reason: str, message: str, count: int) -> None:
        at = kind.at(path)
        found = holder_of(obj, path)
        whole = found is not None and exists(obj, path)
        if at and (options := _options(message)) and count <= 2:
            owner, field, _ = at
            self._values.supported.setdefault((owner, field), options)
            if whole and found:
                found[0][found[1]] = self._values.dice.choice(options)
                return
        if (
            at
            and count <= 2
            and ("Required" in reason or "equired" in message or (count == 1 and whole and found and found[0][found[1]] in (None, "", {}, [])))
        ):
            owner, field, node = at
            _put(obj, path, lambda: self._values.valid(kind, node, owner, field))
            return
        drop(obj, path if count <= 2 else path[: -(count - 2)] or path[:1])

    def _drop_something(self, obj: dict[str, Any], added: list[Added]) -> bool:
        """Removes half of the random fields that are left; returns whether there were any."""
        there = [path for path, _ in added if exists(obj, path)]
        extra = [[key] for key in ("status",) if key in obj] + [["metadata", key] for key in obj["metadata"] if key != "name"]
        left = there or extra
        for path in self._values.dice.sample(left, (len(left) + 1) // 2):
            drop(obj, path)
        return bool(left)


def exists(obj: Any, path: Path) -> bool:
    """Returns whether an object has something at a path."""
    value = obj
    for step in path:
        key = _key_in(value, step)
        if key is None:
            return False
        value = value[key]
    return True


def _put(obj: Any, path: Path, make: Callable[[], Any]) -> None:
    """Sets the value at a path, with the containers that are missing on the way."""
    value = obj
    for index, step in enumerate(path):
        last = index == len(path) - 1
        if isinstance(value, dict):
            if last:
                value[step] = make()
            elif not isinstance(value.get(step), (dict, list)):
                value[step] = [] if isinstance(path[index + 1], int) else {}
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            while len(value) <= step:
                value.append({})
            if last:
                value[step] = make()
            value = value[step]
        else:
            return


def _options(message: str) -> list[str]:
    match = _SUPPORTED.search(message)
    return _QUOTED.findall(next(text for text in match.groups() if text)) if match else []


def _causes(error: ApiError) -> list[tuple[Path, str, str]]:
    """Returns (path, reason, message) for each thing that the server named."""
    causes = [cause for cause in error.details.get("causes") or [] if cause.get("field") and cause["field"] != "<nil>"]
    found = [(steps_of(cause["field"]), str(cause.get("reason")), str(cause.get("message"))) for cause in causes]
    if not found:
        found = [(steps_of(text), "", error.message) for text in _TYPED.findall(error.message)]
    return [each for each in found if each[0]]
