"""Tests of derived fields: they follow a change of the manifest, and everything else stays."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.api.openapi import Schema
from rules.k8s.tools.composition.derivation import Derivation, derive, former_manifest, says_the_same

_LIST = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {"type": "object", "properties": {}}}
_SPEC = {"type": "object", "properties": {"list": _LIST, "set": {"type": "array", "x-kubernetes-list-type": "set"}, "raw": {"type": "object"}}}
SCHEMA = Schema({"type": "object", "properties": {"spec": _SPEC}})


def thing(**spec: Any) -> dict[str, Any]:
    """Returns an object."""
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", "uid": str(spec)}, "spec": spec}


@pytest.mark.parametrize(
    ("value", "live", "former", "new", "wanted"),
    [
        ({"types": ["I"]}, {"types": ["I"]}, {"types": ["I"]}, {"types": ["I", "E"]}, {"types": ["I", "E"]}),
        ({"types": ["E"]}, {"types": ["E"]}, {"types": ["I"]}, {"types": ["I", "E"]}, {"types": ["E"]}),
        ({"port": 1}, {"port": 1}, {"port": 2}, {"port": 3}, {"port": 1}),
        ({"account": "x"}, {"account": "x"}, {"account": "x"}, {}, {}),
        ({"node": "n"}, {"node": "n"}, {}, {}, {"node": "n"}),
        ({}, {"limit": 1}, {"limit": 1}, {"limit": 0}, {"limit": 0}),
        ({}, {}, {}, {"random": "abc"}, {}),
        ({"owned": 1}, {"owned": 1}, {"owned": 1}, {"owned": 2}, {"owned": 1}),
        ({"update": None}, {"update": {"a": 0}}, {"update": {"a": 0}}, {"update": {"a": 0}}, {"update": {"a": 0}}),
        ({"update": None}, {"update": {"a": 1}}, {"update": {"a": 0}}, {"update": {"a": 0}}, {"update": None}),
        ({"raw": {"a": 1}}, {"raw": {"a": 1}}, {"raw": {"a": 1}}, {}, {"raw": {}}),
        (
            {"list": [{"name": "a", "x": 1}, {"name": "b"}]},
            {"list": [{"name": "a", "x": 1}, {"name": "b"}]},
            {"list": [{"name": "a", "x": 1}, {"name": "c"}]},
            {"list": [{"name": "a", "x": 2}]},
            {"list": [{"name": "a", "x": 2}, {"name": "b"}]},
        ),
    ],
    ids=[
        "follows",
        "was changed",
        "allocated",
        "leaves",
        "of a controller",
        "was removed",
        "is not added",
        "owned",
        "null",
        "null over a change",
        "raw",
        "elements",
    ],
)
def test_derived_fields_follow(value, live, former, new, wanted):
    """A field follows if nobody owns it and the live object has what the former manifest's new object would have."""
    owned: dict[str, Any] = {"f:spec": {"f:owned": {}, "f:raw": {}, "f:list": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}}

    found = derive(thing(**value), thing(**live), Derivation(thing(**former), thing(**new)), owned, SCHEMA)

    assert found["spec"] == wanted
    assert found["metadata"] == thing(**value)["metadata"]


def test_a_whole_spec_may_leave():
    """What a manifest without a spec does not have goes as a whole."""
    live, new = thing(a=1), {key: value for key, value in thing().items() if key != "spec"}

    assert "spec" not in derive(live, live, Derivation(thing(a=1), new), {}, SCHEMA)


@pytest.mark.parametrize("manager", [FIELD_MANAGER, "other"])
def test_the_former_manifest_is_what_turnup_owns(manager):
    """The former manifest has the fields that Turnup set; empty lists, which nobody owns, only if no other manager writes the object."""
    live = thing(mine=1, theirs=2, set=[], raw={"a": 1}, list=[{"name": "a", "x": 1, "y": 2}, {"name": "b"}])
    live["metadata"]["managedFields"] = [{"manager": manager}]
    owned: dict[str, Any] = {"f:spec": {"f:mine": {}, "f:raw": {}, "f:list": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:x": {}}}}}

    found = former_manifest(live, owned, SCHEMA)

    empty: dict[str, Any] = {"set": []} if manager == FIELD_MANAGER else {}
    assert found == {**thing(mine=1, raw={"a": 1}, list=[{"name": "a", "x": 1}], **empty), "metadata": {"name": "a"}}


def test_names_and_numbers_do_not_count():
    """Two objects say the same if they differ in metadata and status only."""
    assert says_the_same(thing(a=1), {**thing(a=1), "metadata": {}, "status": {"b": 1}})
    assert not says_the_same(thing(a=1), thing(a=2))
