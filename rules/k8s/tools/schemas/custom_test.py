"""Tests of the checks of custom resources against definitions in the closure."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.schemas.custom import check_custom

WHERE = "//svc:prod-deep"
_SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "mode": {"type": "string", "enum": ["fast", "safe"]},
        "port": {"x-kubernetes-int-or-string": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        },
        "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "one": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
    },
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shops.example.com"},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Shop", "plural": "shops"},
        "scope": "Namespaced",
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC}}}},
            {"name": "v1alpha1", "served": False, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    },
}


def shop(**spec: Any) -> dict[str, Any]:
    """Returns a custom resource."""
    return {"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "corner", "namespace": "prod"}, "spec": spec}


def check(obj: dict[str, Any]) -> None:
    """Checks an object of one target against the definition of another one."""
    check_custom([("//prod:setup", DEFINITION), ("//shop:prod", obj)], WHERE)


@pytest.mark.parametrize(
    "spec",
    [
        {"size": 1},
        {"size": 9, "mode": "fast", "port": 80, "labels": {"a": "b"}},
        {"size": 1, "port": "http", "free": {"anything": [1, {"deep": None}]}},
        {"size": 1, "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"x": 1}}},
        {"size": 1, "items": [{"name": "a"}, {}], "one": {"a": "x"}},
        {"size": 1, "mode": None},
    ],
)
def test_correct_objects_pass(spec: dict[str, Any]) -> None:
    """What a definition allows is no mistake."""
    check(shop(**spec))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"size": 1, "moed": "fast"}, "spec.moed: unknown field; write mode?"),
        ({"size": "1"}, 'spec.size: "1" is not a whole number; write one'),
        ({}, "spec: lacks size; add it"),
        ({"size": 10}, "spec.size: 10 is more than 9"),
        ({"size": 1, "mode": "slow"}, 'spec.mode: "slow" is not one of fast, safe'),
        ({"size": 1, "labels": {"a": 1}}, "spec.labels.a: 1 is not a text"),
        ({"size": 1, "items": [{"nmae": "a"}]}, "spec.items[0].nmae: unknown field; write name?"),
        ({"size": 1, "port": 1.5}, "spec.port: 1.5 is not a text or a whole number"),
        ({"size": 1, "one": {}}, "spec.one: the mapping is refused by the schema"),
        ({"size": 1, "template": {"spce": {}}}, "spec.template.spce: unknown field; write spec?"),
    ],
)
def test_mistakes_are_one_sentence(spec: dict[str, Any], says: str) -> None:
    """A mistake is named with both targets, the object and the field."""
    with pytest.raises(TurnupError) as error:
        check(shop(**spec))
    assert str(error.value).startswith(f"{WHERE}: //shop:prod: Shop prod/corner: ")
    assert says in str(error.value)


@pytest.mark.parametrize("version", ["v1alpha1", "v2"])
def test_a_version_that_is_not_served(version: str) -> None:
    """An object of another version names the versions that are served."""
    with pytest.raises(TurnupError, match=f"does not serve example.com/{version}; write example.com/v1"):
        check({**shop(size=1), "apiVersion": f"example.com/{version}"})


def test_objects_without_definition_pass() -> None:
    """Nothing is said of objects whose definition is not in the closure."""
    check_custom([("//shop:prod", shop(anything=1))], WHERE)
