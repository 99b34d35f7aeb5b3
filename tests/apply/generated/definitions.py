"""Generates CustomResourceDefinitions with everything that a structural schema may have."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from rules.k8s.tools.api.client import Client
from tests.apply.generated.schemas import Node

GROUP = "gen.example.com"
_SCALARS: list[Node] = [
    {"type": "string"},
    {"type": "string", "nullable": True},
    {"type": "string", "default": "d"},
    {"type": "string", "enum": ["x", "y"]},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "byte"},
    {"type": "string", "format": "duration"},
    {"type": "integer"},
    {"type": "integer", "default": 5},
    {"type": "integer", "nullable": True, "default": 3},
    {"type": "number"},
    {"type": "boolean", "default": True},
    {"type": "boolean"},
    {"x-kubernetes-int-or-string": True},
    {"x-kubernetes-int-or-string": True, "pattern": "^[0-9.]+[a-zA-Z]*$", "anyOf": [{"type": "integer"}, {"type": "string"}]},
]
_OPEN: list[Node] = [
    {"x-kubernetes-preserve-unknown-fields": True},
    {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True},
]


def _scalar(dice: random.Random) -> Node:
    return dict(dice.choice(_SCALARS))


def _object(dice: random.Random, depth: int) -> Node:
    node: Node = {"type": "object", "properties": {f"f{index}": _any(dice, depth) for index in range(dice.randint(1, 4))}}
    if dice.random() < 0.3:
        node["required"] = ["f0"]
        node["properties"]["f0"] = {"type": "string"}
    elif dice.random() < 0.3:
        node["default"] = {}
    if dice.random() < 0.2:
        node["x-kubernetes-map-type"] = "atomic"
    return node


def _list_map(dice: random.Random, depth: int) -> Node:
    """Returns a list that is merged by key; one of the keys may have a default."""
    properties: Node = {"name": {"type": "string"}, "v": _any(dice, depth), "w": _scalar(dice)}
    keys = ["name"]
    if dice.random() < 0.5:
        properties["proto"] = {"type": "string", "default": "tcp"}
        keys.append("proto")
    return {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": keys,
        "items": {"type": "object", "required": ["name"], "properties": properties},
    }


def _any(dice: random.Random, depth: int) -> Node:
    """Returns a random structural schema."""
    if depth <= 0:
        return _scalar(dice)
    shape = dice.choice(("scalar", "object", "map", "set", "list", "list-map", "open", "object-map"))
    if shape == "scalar":
        return _scalar(dice)
    if shape == "object":
        return _object(dice, depth - 1)
    if shape == "map":
        return {"type": "object", "additionalProperties": _scalar(dice)}
    if shape == "object-map":
        return {"type": "object", "additionalProperties": _object(dice, depth - 1)}
    if shape == "set":
        return {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": dice.choice(("string", "integer"))}}
    if shape == "list":
        node: Node = {"type": "array", "items": _any(dice, depth - 1)}
        return {**node, "x-kubernetes-list-type": "atomic"} if dice.random() < 0.5 else node
    if shape == "list-map":
        return _list_map(dice, depth - 1)
    return dict(dice.choice(_OPEN))


def definition(number: int, dice: random.Random) -> dict[str, Any]:
    """Returns a definition of a kind `GenN`; every shape of field occurs in each, and some at random."""
    fixed: list[Node] = [
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        {"type": "array", "items": {"type": "string"}},
        _list_map(dice, 1),
        *({**node} for node in _OPEN),
        *(_scalar(dice) for _ in range(4)),
        *(_any(dice, 2) for _ in range(4)),
    ]
    spec: Node = {"type": "object", "properties": {f"p{index}": node for index, node in enumerate(fixed)}}
    name = f"Gen{number}"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name.lower()}s.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Cluster" if number % 4 == 3 else "Namespaced",
            "names": {"kind": name, "listKind": f"{name}List", "plural": f"{name.lower()}s", "singular": name.lower()},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                    **({"subresources": {"status": {}}} if number % 2 else {}),
                }
            ],
        },
    }


def install(client: Client, definitions: Sequence[Node]) -> None:
    """Installs definitions, and waits until the server's OpenAPI documents have their kinds.

    Args:
        client: client of the server.
        definitions: the definitions.
    """
    for obj in definitions:
        client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=obj)
    if not definitions:
        return
    deadline = time.monotonic() + 60
    while True:
        paths = client.request("GET", "/openapi/v3")[1]["paths"]
        if f"apis/{GROUP}/v1" in paths:
            served = client.request("GET", f"/openapi/v3/apis/{GROUP}/v1")[1]["paths"]
            if sum(path.endswith("/{name}") for path in served) >= len(definitions):
                return
        assert time.monotonic() < deadline, f"the server did not publish the schemas of {len(definitions)} definitions"
        time.sleep(0.2)
