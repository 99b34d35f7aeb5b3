"""What a schema finds wrong in an object, as sentences that name the field and what to write."""

from __future__ import annotations

import difflib
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from rules.k8s.tools.schemas.schemas_tool import BASE64, QUANTITY

Schema = dict[str, Any]

MOST_MISTAKES = 5
"""How many mistakes of one object an error names."""

_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_LONGEST_VALUE = 40
_SEARCH_DEPTH = 7


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong.

    Attributes:
        path: where in the object, such as spec.template.spec.containers[0].imagePullPolcy.
        field: the name of the field, to find its line in the source.
        text: what is wrong and what to do; after an unknown field only what to do.
        unknown: whether the schema does not know the field, which other versions may.
    """

    path: str
    field: str
    text: str
    unknown: bool = False


class Checker:
    """A compiled schema."""

    def __init__(self, schema: Schema) -> None:
        """Compiles a JSON schema (2020-12)."""
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(schema)

    def mistakes(self, obj: Mapping[str, Any], *, secret: bool) -> list[Mistake]:
        """Returns what is wrong in an object, in the order of its fields.

        Args:
            obj: a Kubernetes object.
            secret: whether its values must not be shown.
        """
        if self._validator.is_valid(obj):
            return []
        found = [mistake for error in self._validator.iter_errors(obj) for mistake in self._describe(obj, error, secret=secret)]
        return list(dict.fromkeys(found))

    def _describe(self, obj: Mapping[str, Any], error: Any, *, secret: bool) -> Iterator[Mistake]:
        """Yields the mistakes that one error of the validator is about."""
        path: list[str | int] = list(error.instance_path)
        kind = error.kind
        what = type(kind).__name__
        field = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        if what == "AdditionalProperties":
            for name in kind.unexpected:
                yield Mistake(spell_path([*path, name]), name, self._advice(path, name), unknown=True)
        elif what == "Required":
            yield Mistake(spell_path(path), field, f"lacks {kind.property}; add it")
        else:
            value = value_at(obj, path)
            shown = "its value" if secret else _show(value)
            yield Mistake(spell_path(path), field, f"{shown} {_complaint(what, kind, secret=secret)}")

    def _advice(self, path: Sequence[str | int], name: str) -> str:
        """Returns what to do about a field that is unknown at a place: the nearest name, or where a field of that name belongs."""
        siblings = list(self._at(path).get("properties", {}))
        longer = [sibling for sibling in siblings if sibling.lower().startswith(name.lower())]
        near = difflib.get_close_matches(name, siblings, n=1, cutoff=0.75) or (longer if len(longer) == 1 else [])
        if near:
            return f"write {near[0]}?"
        elsewhere = self._home_of(name)
        if elsewhere:
            return f"it belongs into {elsewhere}?"
        return f"its neighbours can be {', '.join(sorted(siblings))}" if 0 < len(siblings) <= 12 else "remove it"

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._schema["$defs"][schema["$ref"].rpartition("/")[2]]
        return schema

    def _at(self, path: Sequence[str | int]) -> Schema:
        """Returns the schema of the value at a path; empty when the schema says nothing about it."""
        schema = self._resolved(self._schema)
        for step in path:
            named = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
            child = schema.get("items") if isinstance(step, int) else named
            if not isinstance(child, dict):
                return {}
            schema = self._resolved(child)
        return schema

    def _home_of(self, name: str) -> str:
        """Returns the shortest path at which the schema has a field, if there is one shortest; empty otherwise."""
        waiting = deque([("", self._resolved(self._schema), 0)])
        homes: list[str] = []
        shortest = _SEARCH_DEPTH
        while waiting:
            path, schema, depth = waiting.popleft()
            if depth >= shortest:
                break
            for key, child in schema.get("properties", {}).items():
                place = f"{path}.{key}" if path else key
                if key == name:
                    homes.append(place)
                    shortest = depth + 1
                resolved = self._resolved(child)
                if isinstance(resolved.get("items"), dict):
                    waiting.append((f"{place}[]", self._resolved(resolved["items"]), depth + 1))
                elif key != "status":
                    waiting.append((place, resolved, depth + 1))
        return homes[0] if len(homes) == 1 else ""


def _complaint(what: str, kind: Any, *, secret: bool) -> str:
    """Returns what is wrong with a value, of a Secret or of another object, and what to write."""
    if what == "Type":
        types = [kind.types] if isinstance(kind.types, str) else kind.types
        words = [word for name, word in _WORDS.items() if name in types] or ["null"]
        return f"is not {' or '.join(words)}; write {'one' if len(words) == 1 else 'one of these'}"
    if what in ("Enum", "Constant"):
        options = [option for option in getattr(kind, "options", [getattr(kind, "expected_value", "")]) if option not in ("", None)]
        return f"is not one of {', '.join(map(str, options))}; write one of them"
    if what == "Pattern":
        if kind.pattern == QUANTITY:
            return "is not a quantity; write one such as 500m, 2 or 1Gi"
        if kind.pattern == BASE64:
            return f"is not base64; encode it{', or move it to stringData' if secret else ''}"
        return f"does not match {kind.pattern}; write a value that does"
    if what in ("Minimum", "Maximum"):
        return f"is {'less' if what == 'Minimum' else 'more'} than {int(kind.limit)}; write a number in the range"
    return f"is refused by the schema ({what}); correct it"


def value_at(obj: Any, path: Sequence[str | int]) -> Any:
    """Returns the value at a path of an object."""
    for step in path:
        obj = obj[step]
    return obj


def spell_path(path: Sequence[str | int]) -> str:
    """Returns a path as a text, such as spec.ports[0].name; names that are no identifiers stand in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text or "the object"


def _show(value: Any) -> str:
    """Returns a value as an error shows it: short, and as JSON."""
    if isinstance(value, (dict, list)):
        return "the mapping" if isinstance(value, dict) else "the list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
