"""Tests of composed objects: a manifest merged into a live object as server-side apply should."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.api.openapi import Schema, blank_keys, has_blank_in_list
from rules.k8s.tools.composition.composition import compose, field_set, mirrors_left, missing_paths, overlaps, paths_in_the_way, removes, union, without

_ITEM = {"type": "object", "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": {"type": "string"}}}
_NAMED = {
    "Thing": {
        "type": "object",
        "properties": {
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"default": {}, "allOf": [{"$ref": "#/components/schemas/Port"}]},
                    },
                    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "list": {"type": "array", "items": {"type": "string"}},
                    "atom": {"type": "object", "x-kubernetes-map-type": "atomic"},
                    "map": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
        },
    },
    "Port": _ITEM,
}
SCHEMA = Schema({"$ref": "#/components/schemas/Thing"}, _NAMED)


def thing(**spec: Any) -> dict[str, Any]:
    """Returns an object."""
    return {"apiVersion": "shop.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}


def composed(live: dict[str, Any], wanted: dict[str, Any], owned: dict[str, Any], others: dict[str, Any] | None = None, unset: tuple[str, ...] = ()) -> Any:
    """Returns the spec that the composition of three specs and two sets of fields of spec leads to."""
    return compose(thing(**live), thing(**wanted), SCHEMA, {"f:spec": owned}, {"f:spec": others or {}}, unset)["spec"]


_TCP, _UDP = 'k:{"port":80,"protocol":"TCP"}', 'k:{"port":80,"protocol":"UDP"}'


@pytest.mark.parametrize(
    ("live", "wanted", "owned", "others", "result"),
    [
        # Own fields that left the manifest go, with what the server has filled in inside them.
        ({"a": 1, "b": 2}, {"a": 1}, {"f:a": {}, "f:b": {}}, {}, {"a": 1}),
        ({"http": {"port": 1, "scheme": "HTTP"}}, {"tcp": {}}, {"f:http": {"f:port": {}}}, {}, {"tcp": {}}),
        # Fields that nobody or somebody else owns stay.
        ({"a": 1, "b": 2}, {"a": 3}, {"f:a": {}}, {}, {"a": 3, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}, {"f:a": {}, "f:b": {}}, {"f:b": {}}, {"a": 1, "b": 2}),
        ({"map": {"a": "1", "b": "2"}}, {}, {"f:map": {"f:a": {}, "f:b": {}}}, {"f:map": {"f:b": {}}}, {"map": {"b": "2"}}),
        ({"map": {"a": "1"}}, {"map": {}}, {"f:map": {"f:a": {}}}, {}, {"map": {}}),
        ({"a": {"b": 1}}, {"a": None}, {"f:a": {}}, {}, {"a": None}),
        # Lists with keys, where a key has a default.
        (
            {"ports": [{"port": 80, "protocol": "TCP", "name": "a"}, {"port": 80, "protocol": "UDP"}, {"port": 90, "protocol": "TCP"}]},
            {"ports": [{"port": 80}]},
            {"f:ports": {_TCP: {".": {}, "f:port": {}, "f:name": {}}, _UDP: {".": {}, "f:port": {}}}},
            {},
            {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 90, "protocol": "TCP"}]},
        ),
        (
            {"ports": [{"port": 80, "protocol": "UDP", "name": "a"}]},
            {"ports": []},
            {"f:ports": {_UDP: {".": {}, "f:port": {}, "f:name": {}}}},
            {"f:ports": {_UDP: {".": {}, "f:protocol": {}}}},
            {"ports": [{"port": 80, "protocol": "UDP"}]},
        ),
        ({"ports": [{"port": 1}, {"port": 2}]}, {"ports": [{"port": 2}, {"port": 3}, {"port": 1}]}, {}, {}, {"ports": [{"port": 2}, {"port": 3}, {"port": 1}]}),
        ({"ports": [{"port": 1}, {"port": 3}]}, {"ports": [{"port": 1}, {"port": 2}]}, {}, {}, {"ports": [{"port": 1}, {"port": 2}, {"port": 3}]}),
        ({"ports": [{"port": 1}, {"port": 1}]}, {"ports": [{"port": 1}]}, {}, {}, {"ports": [{"port": 1}]}),
        # Sets, atomic lists and atomic mappings.
        ({"set": ["a", "b", "c"]}, {"set": ["c", "d"]}, {"f:set": {'v:"a"': {}, 'v:"c"': {}}}, {}, {"set": ["b", "c", "d"]}),
        ({"set": ["a"]}, {"set": []}, {"f:set": {'v:"a"': {}}}, {}, {"set": []}),
        ({"list": ["a", "b"], "atom": {"a": 1}}, {"list": ["c"], "atom": {"b": 2}}, {}, {}, {"list": ["c"], "atom": {"b": 2}}),
        ({"list": ["a"]}, {"list": []}, {"f:list": {}}, {}, {"list": []}),
        ({"list": ["a"]}, {}, {"f:list": {}}, {"f:list": {}}, {"list": ["a"]}),
    ],
)
def test_a_manifest_is_merged(live, wanted, owned, others, result):
    """Own fields that left go, those of others and those of nobody stay, and lists are merged as their schema says."""
    assert composed(live, wanted, owned, others) == result


def test_empty_values_that_the_server_does_not_store_are_left_out():
    """An empty list or map of a kind of Kubernetes is not added; an empty mapping with fields is, and so is any in a custom resource."""
    wanted = {"map": {}, "list": [], "atom": {}}
    built_in = {**thing(**wanted), "apiVersion": "v1"}
    assert compose({**thing(), "apiVersion": "v1"}, built_in, SCHEMA, {}, {})["spec"] == {"atom": {}}
    assert composed({}, wanted, {}) == wanted


def test_fields_in_the_way_go_unless_somebody_owns_them():
    """A field that is in the way goes if nobody owns it and the manifest does not have it; elements of lists never do."""
    live: dict[str, Any] = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}, "ports": [{"port": 1}]}
    wanted: dict[str, Any] = {"strategy": {"type": "Recreate"}, "ports": []}
    unset = ("spec.strategy.rollingUpdate", "spec.ports")
    assert composed(live, wanted, {}, {}, unset) == {"strategy": {"type": "Recreate"}, "ports": [{"port": 1}]}
    assert composed(live, wanted, {}, {"f:strategy": {"f:rollingUpdate": {}}}, unset)["strategy"]["rollingUpdate"] == {"maxSurge": 1}
    live["strategy"]["rollingUpdate"] = {}
    nothing = {"strategy": {"type": "Recreate", "rollingUpdate": None}}
    assert composed(live, nothing, {})["strategy"] == nothing["strategy"]
    assert composed(live, nothing, {}, {}, unset)["strategy"] == {"type": "Recreate", "rollingUpdate": {}}


@pytest.mark.parametrize(
    ("cause", "found"),
    [
        ("spec.strategy.rollingUpdate", ["spec.strategy", "spec.strategy.rollingUpdate", "spec.strategy.rollingUpdate.a", "spec.strategy.type"]),
        ("spec.containers[1].probe.tcp", ["spec.containers", "spec.containers.probe", "spec.containers.probe.http"]),
        ("spec.containers[0].probe", ["spec.containers", "spec.containers.probe", "spec.containers.probe.http"]),
        ("metadata.labels", []),
        ("", []),
    ],
)
def test_paths_in_the_way(cause, found):
    """The field that a refusal names, those around it, its siblings and what it has inside may be in the way."""
    live = thing(strategy={"type": "x", "rollingUpdate": {"a": 1}}, containers=[{"probe": {"http": {}}}])
    live["metadata"]["labels"] = {"a": "b"}
    assert paths_in_the_way([{"field": cause}], live, {}) == ([found] if found else [])


def test_a_null_in_the_way():
    """A named field that the manifest sets to null is a choice of its own: nothing else has to go."""
    live, wanted = thing(completions=1, parallelism=2), thing(completions=None)
    assert paths_in_the_way([{"field": "spec.completions"}], live, wanted) == [["spec.completions"]]
    assert paths_in_the_way([{"field": "spec.parallelism"}], live, wanted) == [["spec.parallelism"]]


def test_the_fields_of_a_manifest():
    """A manifest's fields are written as the server records them: keys with defaults, values of sets, atomic values whole."""
    obj = thing(ports=[{"port": 80}], set=["a"], list=["b"], atom={"a": 1}, map={"k": "v"}, empty={})
    obj["metadata"]["labels"] = {"x": "y"}
    assert field_set(obj, SCHEMA) == {
        "f:metadata": {"f:labels": {"f:x": {}}},
        "f:spec": {
            "f:ports": {_TCP: {".": {}, "f:port": {}}},
            "f:set": {'v:"a"': {}},
            "f:list": {},
            "f:atom": {},
            "f:map": {"f:k": {}},
            "f:empty": {},
        },
    }
    assert field_set({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "n"}}, SCHEMA) == {}


def test_sets_of_fields():
    """Sets are united, compared and reduced as sets of paths, where a leaf has all that is inside it."""
    assert union([{"f:a": {"f:b": {}}}, {"f:a": {"f:c": {}}, "f:d": {}}]) == {"f:a": {"f:b": {}, "f:c": {}}, "f:d": {}}
    assert overlaps({"f:a": {}}, {"f:a": {"f:b": {}}}) and not overlaps({"f:a": {"f:c": {}}}, {"f:a": {"f:b": {}}})
    assert not overlaps({"f:a": {".": {}, "f:c": {}}}, {"f:a": {".": {}}})
    assert without({"f:spec": {"f:replicas": {}}}, "spec", "replicas") == {}
    assert without({"f:spec": {"f:replicas": {}, "f:a": {}}}, "spec", "replicas") == {"f:spec": {"f:a": {}}}
    assert without({"f:a": {}}, "spec", "replicas") == {"f:a": {}}


def test_null_in_keys_is_found():
    """A null in a key of a list is found with its path; a null in another field of an element is not."""
    obj = thing(ports=[{"port": 80, "protocol": "TCP"}, {"port": None, "protocol": None, "name": None}], list=[None])
    assert has_blank_in_list(obj) and not has_blank_in_list(thing(ports=[{"port": 1}], a=None))
    assert list(blank_keys(obj, SCHEMA)) == ["spec.ports[1].port", "spec.ports[1].protocol"]
    assert list(blank_keys(thing(ports=[{"port": "", "protocol": "UDP"}]), SCHEMA)) == ["spec.ports[0].port"]


@pytest.mark.parametrize(
    ("owned", "wanted", "missing"),
    [
        ({"f:a": {}, "f:b": {"f:c": {}}}, {"a": 1, "b": {"c": 2, "d": 3}}, False),
        ({"f:a": {}}, {}, True),
        ({"f:b": {"f:c": {}}}, {"b": {}}, True),
        ({"f:b": {"f:c": {}}}, {"b": 1}, True),
        ({"f:ports": {_TCP: {".": {}, "f:port": {}}}}, {"ports": [{"port": 80}]}, False),
        ({"f:ports": {_TCP: {".": {}, "f:port": {}, "f:name": {}}}}, {"ports": [{"port": 80}]}, True),
        ({"f:ports": {_UDP: {".": {}, "f:port": {}}}}, {"ports": [{"port": 80, "protocol": "TCP"}]}, True),
        ({"f:set": {'v:"a"': {}}}, {"set": ["b", "a"]}, False),
        ({"f:set": {'v:"a"': {}}}, {"set": ["b"]}, True),
        ({}, {"a": 1}, False),
    ],
)
def test_what_left_a_manifest_is_found(owned, wanted, missing):
    """A field, an element or a value that was set before and is no longer in the manifest is found at any depth."""
    assert removes(wanted, owned) is missing


def test_copies_under_a_former_name_are_found():
    """The copy of a service account is found where the account leaves a pod's spec, and nowhere else."""
    owned = {"f:spec": {"f:template": {"f:spec": {"f:serviceAccountName": {}}}}}
    for pod in ({}, {"serviceAccountName": None}):
        assert list(mirrors_left({"spec": {"template": {"spec": pod}}}, owned)) == ["spec.template.spec.serviceAccount"]
    assert not list(mirrors_left({"spec": {"template": {"spec": {"serviceAccountName": "x"}}}}, owned))
    assert not list(mirrors_left({"spec": {"template": {"spec": {}}}}, {"f:spec": {}}))


def test_missing_paths_are_named():
    """Each field of another manager that a manifest does not have is named once, as a whole where all of it is missing."""
    fields = {"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}, "f:ports": {_TCP: {".": {}, "f:name": {}}, _UDP: {".": {}}}, "f:x": {"f:y": {}}}
    wanted = {"a": 1, "b": {"c": 1}, "ports": [{"port": 80, "protocol": "TCP"}]}
    assert list(missing_paths(wanted, fields)) == ["b.d", 'ports[{"port":80,"protocol":"TCP"}].name', 'ports[{"port":80,"protocol":"UDP"}]', "x"]
