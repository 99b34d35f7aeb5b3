"""Values for the fields of objects: valid ones, empty ones, null, and valid ones in spellings that the server rewrites."""

from __future__ import annotations

import base64
import copy
import random
from typing import Any

from tests.apply.generated.hints import ABSENT, HINTED_ONLY, NOT_GROWN, UNIONS, VALUES, base_fields
from tests.apply.generated.schemas import Kind, Node, form_of

_DEEPEST = 14
_FORMS = ("value", "value", "default", "empty", "null", "odd", "odd")
_QUANTITIES = ["1", "2", "500m", "64Mi", "1Gi"]
_ODD: dict[str, list[Any]] = {
    "quantity": ["0.5", "0.10", "1e3", "1000m", "1024Ki", "1.50Gi", 1, 0.5, "+1", "100e-3"],
    "micro-time": ["2026-01-01T00:00:00.500000Z", "2026-01-01T01:00:00.000000+01:00"],
    "date-time": ["2026-01-01T00:00:00.5Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00Z"],
    "int-or-string": [80, "80", "http", "25%", 0, "0", "8080"],
    "byte": ["", "YWJj\nZGVm", "////", "YQ=="],
    "duration": ["90s", "1m30s", "1.5m", "1h0m0s"],
    "string": ["", "a\u00e9 \U0001f44d", "e\u0301", "a\nb\n", " x ", "yes", "null", "0x10", "1e3", "~", "22:30", "#a"],
    "integer": [0, 1, 2147483647],
    "number": [0.5, 1, 1.0, 1e3, 0],
    "boolean": [True, False],
}
_FREE: list[Any] = [
    None,
    {},
    [],
    {"a": None},
    {"a": {}, "b": []},
    {"a": {"b": None, "c": [{}]}},
    0.5,
    1,
    "x",
    [None],
    [{"a": None, "b": 1.0}],
    {"metadata": {"creationTimestamp": None}, "n": 1.5},
]
_EMPTY_METADATA: list[dict[str, Any]] = [
    {"labels": {}},
    {"annotations": None},
    {"creationTimestamp": None},
    {"labels": {"a": ""}},
    {"ownerReferences": []},
    {"labels": None, "finalizers": None},
]
_SERVER_OWNED: list[dict[str, Any]] = [
    {"uid": ""},
    {"resourceVersion": ""},
    {"generation": 0},
    {"managedFields": []},
    {"generateName": ""},
    {"creationTimestamp": "2026-01-01T00:00:00.5Z"},
]


Added = tuple[list[str | int], tuple[str, str, str]]
"""A random field: its path, and (schema, field, form)."""


class Values:
    """Generates values for schemas.

    Args:
        dice: source of all choices.

    Attributes:
        supported: (schema, field) → values that the server named as supported.
        tried: (schema, field, form) → [accepted, refused], so that what the server never takes is seldom tried again.
    """

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.supported: dict[tuple[str, str], list[Any]] = {}
        self.tried: dict[tuple[str, str, str], list[int]] = {}

    def base(self, kind: Kind, name: str) -> dict[str, Any]:
        """Returns an object with its required fields only."""
        resource = kind.resource
        obj: dict[str, Any] = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}}
        obj |= copy.deepcopy(base_fields(resource.api_version, resource.kind, name))
        for field in kind.node.get("required") or []:
            if field not in obj:
                obj[field] = self.valid(kind, kind.node["properties"][field], resource.kind, field)
        return obj

    def valid(self, kind: Kind, node: Node, owner: str, field: str, depth: int = 0) -> Any:
        """Returns a plain value for a schema: its required fields, one item in a list."""
        name, node = kind.resolve(node)
        for key in ((owner, field), ("", field)):
            choices = self.supported.get(key) or VALUES.get(key)
            if choices:
                return copy.deepcopy(self.dice.choice(choices))
        if node.get("enum"):
            return self.dice.choice([each for each in node["enum"] if each not in ("", None)] or node["enum"])
        form = form_of(name, node)
        if form == "object" and depth < _DEEPEST:
            known = node["properties"]
            value = {each: self.valid(kind, known[each], name, each, depth + 1) for each in node.get("required") or [] if each in known}
            if name in UNIONS and not any(isinstance(each, dict) for each in value.values()):
                options = [each for each in known if form_of(*kind.resolve(known[each])) == "object" and (name, each) not in ABSENT]
                if options:
                    chosen = self.dice.choice(options)
                    value[chosen] = self.valid(kind, known[chosen], name, chosen, depth + 1)
            return value
        if form == "array":
            return [self.valid(kind, node["items"], name or owner, f"{field}[]", depth + 1)] if depth < _DEEPEST else []
        if form == "map":
            inner = self.valid(kind, node["additionalProperties"], name or owner, field, depth + 1)
            return {"a": inner} if depth < _DEEPEST else {}
        return self._scalar(form, node, field)

    def _scalar(self, form: str, node: Node, field: str) -> Any:
        if form == "string":
            return f"{'n' if field.lower().endswith('name') else 'v'}-{self.dice.randrange(100)}"
        if form == "integer":
            low, high = int(node.get("minimum", 1)), int(node.get("maximum", 50))
            return self.dice.randint(low, max(low, high))
        if form == "embedded":
            meta = {"name": "x", **(self.dice.choice(_EMPTY_METADATA) if self.dice.random() < 0.6 else {})}
            return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": self.dice.choice([{}, {"a": "b"}, {"a": None}])}
        plain: dict[str, Any] = {
            "quantity": self.dice.choice(_QUANTITIES),
            "date-time": "2026-01-01T00:00:00Z",
            "micro-time": "2026-01-01T00:00:00.000000Z",
            "int-or-string": self.dice.choice([1, 80]),
            "byte": base64.b64encode(b"abc").decode(),
            "duration": "30s",
            "number": 2.5,
            "boolean": True,
            "any-object": {"a": "b"},
        }
        return plain[form] if form in plain else copy.deepcopy(self.dice.choice(_FREE))

    def form(self, kind: Kind, node: Node, owner: str, field: str, form: str) -> Any:
        """Returns a value of a form: `value`, `default`, `empty`, `null` or `odd`."""
        name, resolved = kind.resolve(node)
        shape = form_of(name, resolved)
        if (owner, field) in HINTED_ONLY:
            return self.valid(kind, node, owner, field)
        if form == "null":
            return None
        if form == "default" and "default" in resolved:
            return copy.deepcopy(resolved["default"])
        if form == "empty":
            return {"object": {}, "map": {}, "any-object": {}, "array": [], "string": "", "any": {}, "embedded": {}}.get(shape, 0 if shape == "integer" else "")
        if form == "odd":
            if shape in _ODD:
                return self.dice.choice(_ODD[shape])
            if shape in ("any", "any-object"):
                return copy.deepcopy(self.dice.choice(_FREE))
            if shape == "map":
                plain = self.valid(kind, node, owner, field)
                inner_name, inner = kind.resolve(resolved["additionalProperties"])
                inner_form = form_of(inner_name, inner)
                odd = self.dice.choice([None, *(_ODD.get(inner_form) or [])])
                return {**plain, "b": odd} if isinstance(plain, dict) else plain
        return self.valid(kind, node, owner, field)

    def note(self, key: tuple[str, str, str], accepted: bool) -> None:
        """Counts whether the server took a form of a field."""
        self.tried.setdefault(key, [0, 0])[0 if accepted else 1] += 1

    def grow(self, kind: Kind, obj: dict[str, Any], density: float) -> tuple[dict[str, Any], list[Added]]:
        """Returns a copy of an object with random optional fields, and (path, (schema, field, form)) of each that was added or respelled."""
        grown = copy.deepcopy(obj)
        added: list[Added] = []
        self._grow(kind, kind.node, kind.resource.kind, grown, [], density, added)
        if self.dice.random() < 0.3:
            grown["metadata"] |= copy.deepcopy(self.dice.choice(_EMPTY_METADATA))
        if self.dice.random() < 0.02:
            grown["metadata"] |= copy.deepcopy(self.dice.choice(_SERVER_OWNED))
        if self.dice.random() < 0.03:
            grown["status"] = {}
        return grown, added

    def _grow(
        self,
        kind: Kind,
        node: Node,
        owner: str,
        value: dict[str, Any],
        path: list[str | int],
        density: float,
        added: list[Added],
    ) -> None:
        for field, child in (node.get("properties") or {}).items():
            if (not path and field in ("apiVersion", "kind", "status")) or (owner, field) in ABSENT or (path == ["metadata"] and field == "name"):
                continue
            here = [*path, field]
            name, resolved = kind.resolve(child)
            if field in value:
                self._descend(kind, resolved, name or owner, field, value, here, density, added)
                continue
            if self.dice.random() >= (0.9 if path == [] and field == "spec" else density):
                continue
            form = "value" if path == [] and field == "spec" and density else self.dice.choice(_FORMS)
            key = (owner, field, form)
            accepted, refused = self.tried.get(key, (0, 0))
            if refused >= 3 and refused > 4 * accepted and self.dice.random() < 0.95:
                continue
            value[field] = self.form(kind, child, owner, field, form)
            added.append((here, key))
            if form == "value":
                self._descend(kind, resolved, name or owner, field, value, here, density if path == [] else density * 0.6, added)

    def _descend(
        self,
        kind: Kind,
        node: Node,
        owner: str,
        field: str,
        holder: dict[str, Any],
        path: list[str | int],
        density: float,
        added: list[Added],
    ) -> None:
        value = holder[field]
        if len(path) > _DEEPEST:
            return
        if owner in NOT_GROWN:
            return
        if isinstance(value, dict) and node.get("properties"):
            self._grow(kind, node, owner, value, path, density, added)
        elif isinstance(value, list) and value and "items" in node:
            name, inner = kind.resolve(node["items"])
            if name in NOT_GROWN:
                return
            if self.dice.random() < density and (owner, field) not in HINTED_ONLY:
                value.append(self.valid(kind, node["items"], name or owner, f"{field}[]"))
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    self._grow(kind, inner, name or owner, item, [*path, index], density, added)
        elif value is not None and not isinstance(value, (dict, list)) and self.dice.random() < density * 0.5:
            shape = form_of("", node)
            if shape in ("quantity", "date-time", "micro-time", "int-or-string"):
                holder[field] = self.dice.choice(_ODD[shape])
                added.append((path, (owner, field, "respelled")))
