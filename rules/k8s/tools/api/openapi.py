"""Schemas of kinds, from the API server's OpenAPI v3: how server-side apply merges the lists and mappings of an object."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import group_of

_READ_SECONDS = 60.0


class Schema:
    """The schema of one value.

    Args:
        node: the schema, as OpenAPI v3 or a CustomResourceDefinition writes it; {} for an unknown one.
        named: the document's schemas by name, which `$ref` refers to.
    """

    def __init__(self, node: Mapping[str, Any], named: Mapping[str, Any] | None = None) -> None:
        self._named = named or {}
        self._node = self._resolved(node)

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns a schema with what it refers to; extensions beside a reference apply as well."""
        parts = [*(node.get("allOf") or ()), *([node] if "$ref" in node else ())]
        targets = [self._named[name] for part in parts if (name := str(part.get("$ref", "")).rpartition("/")[2]) in self._named]
        return {**targets[0], **node} if targets else node

    def field(self, name: str) -> Schema:
        """Returns the schema of a field of a mapping."""
        node = (self._node.get("properties") or {}).get(name) or self._node.get("additionalProperties")
        return Schema(node if isinstance(node, Mapping) else {}, self._named)

    @property
    def items(self) -> Schema:
        """The schema of a list's elements."""
        node = self._node.get("items")
        return Schema(node if isinstance(node, Mapping) else {}, self._named)

    @property
    def is_atomic(self) -> bool:
        """Whether one field manager owns the whole mapping or list. Lists are atomic unless their schema says otherwise."""
        if self._node.get("type") == "array" or "items" in self._node:
            return not (self.is_set or self.keys)
        return self._node.get("x-kubernetes-map-type") == "atomic"

    @property
    def is_map(self) -> bool:
        """Whether the value is a mapping with any keys, not one with certain fields."""
        return "additionalProperties" in self._node and "properties" not in self._node

    @property
    def is_raw(self) -> bool:
        """Whether the value is a mapping of which only the server's code knows the fields, such as the data of a ControllerRevision."""
        return self._node.get("type") in (None, "object") and not self._node.keys() & {"properties", "additionalProperties", "items"}

    @property
    def is_set(self) -> bool:
        """Whether the value is a list of distinct scalars."""
        return self._node.get("x-kubernetes-list-type") == "set"

    @property
    def keys(self) -> dict[str, Any]:
        """The fields that identify an element of a list, each with its default (None for none); {} if the list is not such a list."""
        if self._node.get("x-kubernetes-list-type") != "map":
            return {}
        fields = self.items
        return {key: fields.field(key).default for key in self._node.get("x-kubernetes-list-map-keys") or ()}

    @property
    def default(self) -> Any:
        """The value of an absent field; None for none."""
        return self._node.get("default")


UNKNOWN = Schema({})
"""The schema of a kind that the server does not describe: mappings are merged, lists are atomic."""


class Schemas:
    """The schemas of kinds, read from the server when they are first needed.

    Args:
        client: client of the API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def of(self, resource: Resource) -> Schema:
        """Returns the schema of a kind; UNKNOWN if the server does not describe it or the account may not read it."""
        named = self._read(resource.api_version)
        group, version = group_of(resource.api_version), resource.api_version.rpartition("/")[2]
        wanted = {"group": group, "version": version, "kind": resource.kind}
        found = next((node for node in named.values() if wanted in (node.get("x-kubernetes-group-version-kind") or ())), None)
        return Schema(found, named) if found else UNKNOWN

    def _read(self, api_version: str) -> Mapping[str, Any]:
        # Many threads need the same document, which may have several megabytes.
        with self._lock:
            if api_version not in self._documents:
                root = "apis" if "/" in api_version else "api"
                try:
                    document = self._client.request("GET", f"/openapi/v3/{root}/{api_version}", read_timeout=_READ_SECONDS)[1]
                except ApiError:
                    document = {}
                self._documents[api_version] = (document.get("components") or {}).get("schemas") or {}
            return self._documents[api_version]


def has_blank_in_list(value: Any) -> bool:
    """Returns whether an element of some list is an empty mapping, or has a field that is null or an empty text."""
    if isinstance(value, list):
        return any((isinstance(each, dict) and (not each or any(field in (None, "") for field in each.values()))) or has_blank_in_list(each) for each in value)
    return isinstance(value, dict) and any(has_blank_in_list(each) for each in value.values())


def blank_keys(obj: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """Yields the path of each null, or empty text instead of a default, in a field that identifies an element of a list.

    The server takes such an element for another one than the stored element, in which it has filled in the default, so each apply
    would add it once more. An element without any field, to which the build reduces one with nulls only, counts as well.
    """
    if isinstance(obj, dict):
        for key, value in obj.items():
            yield from blank_keys(value, schema.field(key), f"{path}.{key}" if path else key)
    elif isinstance(obj, list):
        for index, value in enumerate(obj):
            if isinstance(value, dict):
                keys = schema.keys.items()
                # The server drops an empty text: an element without any key is none that it could find again.
                none = all(value.get(key) in (None, "") for key, default in keys if default is None)
                blank = (key in value and (value[key] is None or (default and value[key] == "")) for key, default in keys)
                yield from (f"{path}[{index}].{key}" for (key, default), each in zip(keys, blank, strict=True) if each or (none and default is None))
            yield from blank_keys(value, schema.items, f"{path}[{index}]")
