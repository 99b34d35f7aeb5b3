"""The kinds that an API server stores, with their schemas, as its OpenAPI v3 documents describe them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource

Node = dict[str, Any]
"""A schema of an OpenAPI v3 document."""

_PREFIX = "#/components/schemas/"
_OBJECT_PATH = re.compile(r"/(?:api|apis/[^/]+)/[^/]+/(?:namespaces/\{namespace\}/)?(?P<plural>[^/{}]+)/\{name\}")
_VERBS = frozenset({"get", "put", "patch", "delete"})
# Schemas with a special spelling.
_TEXT_TYPES = {"Quantity": "quantity", "IntOrString": "int-or-string", "Time": "date-time", "MicroTime": "micro-time"}


@dataclass(frozen=True)
class Kind:
    """A kind that the server stores.

    Attributes:
        resource: its API resource.
        schemas: all schemas of its group version, by name.
        node: its own schema.
    """

    resource: Resource
    schemas: dict[str, Node]
    node: Node

    @property
    def title(self) -> str:
        """The apiVersion and kind, as in `apps/v1 Deployment`."""
        return f"{self.resource.api_version} {self.resource.kind}"

    def resolve(self, node: Node) -> tuple[str, Node]:
        """Returns the short name of a schema ("" if it has none) and the schema, with references and allOf followed.

        Keywords beside a reference, such as a default or a list type, count.
        """
        name = ""
        for _ in range(20):
            parts = [{"$ref": node["$ref"]}] if "$ref" in node else node.get("allOf") or []
            if not parts:
                break
            own = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
            for part in parts:
                found = dict(part)
                if "$ref" in part:
                    full = part["$ref"].removeprefix(_PREFIX)
                    name, found = full.rpartition(".")[2], dict(self.schemas.get(full, {}))
                own = {**found, **own}
            node = own
        return name, node

    def at(self, path: list[str | int]) -> tuple[str, str, Node] | None:
        """Returns (owner's short name, field, schema) at a path in an object; None if no schema describes it."""
        owner, (name, node), field = "", (self.resource.kind, self.node), ""
        for step in path:
            owner, known = name or owner, node.get("properties") or {}
            if (isinstance(step, int) or "=" in step) and "items" in node:
                name, node = self.resolve(node["items"])
                field += "[]"
            elif isinstance(step, str) and step in known:
                name, node = self.resolve(known[step])
                field = step
            elif isinstance(node.get("additionalProperties"), dict):
                name, node = self.resolve(node["additionalProperties"])
            else:
                return None
        return owner, field, node


def form_of(name: str, node: Node) -> str:
    """Returns what values of a schema look like: its type, its format where that matters, or `any`."""
    if name in _TEXT_TYPES:
        return _TEXT_TYPES[name]
    if node.get("x-kubernetes-int-or-string") or node.get("format") == "int-or-string":
        return "int-or-string"
    if (node.get("properties") or {}).keys() == {"apiVersion", "kind", "metadata"}:
        return "embedded"
    if node.get("format") in ("date-time", "byte", "duration"):
        return str(node["format"])
    if node.get("type") == "object":
        return "object" if node.get("properties") else "map" if isinstance(node.get("additionalProperties"), dict) else "any-object"
    return str(node.get("type") or ("object" if node.get("properties") else "any"))


def _documents(client: Client) -> Iterator[Node]:
    for path in client.request("GET", "/openapi/v3")[1]["paths"]:
        if re.fullmatch(r"api/[^/]+|apis/[^/]+/[^/]+", path):
            yield client.request("GET", f"/openapi/v3/{path}")[1]


def read_kinds(client: Client) -> tuple[list[Kind], list[str]]:
    """Returns the kinds that a server stores, and the titles of those that it serves but does not let users apply.

    Args:
        client: client of the server.
    """
    kinds: dict[tuple[str, str], Kind] = {}
    others: set[str] = set()
    for document in _documents(client):
        schemas = (document.get("components") or {}).get("schemas") or {}
        by_kind = {}
        for node in schemas.values():
            for each in node.get("x-kubernetes-group-version-kind") or []:
                by_kind[each["group"], each["version"], each["kind"]] = node
        for path, operations in document["paths"].items():
            kind = next((each["x-kubernetes-group-version-kind"] for each in operations.values() if "x-kubernetes-group-version-kind" in each), None)
            if kind is None or (kind["group"], kind["version"], kind["kind"]) not in by_kind:
                continue
            version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
            match = _OBJECT_PATH.fullmatch(path)
            if not match or not operations.keys() >= _VERBS:
                others.add(f"{version} {kind['kind']}")
                continue
            resource = Resource(version, kind["kind"], match["plural"], "{namespace}" in path)
            kinds[version, kind["kind"]] = Kind(resource, schemas, by_kind[kind["group"], kind["version"], kind["kind"]])
    stored = [kinds[key] for key in sorted(kinds)]
    return stored, sorted(others - {kind.title for kind in stored})
