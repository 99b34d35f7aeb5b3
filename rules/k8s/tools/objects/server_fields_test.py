"""Tests of fields that belong to the API server, of null in lists, and of stringData."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.server_fields import with_data, with_values, without_generated_selector, without_null_in_lists, without_server_fields


def thing(kind: str = "Service", version: str = "v1", **fields: Any) -> dict[str, Any]:
    """Returns an object with more fields, `metadata` among them."""
    meta = {"name": "exp", **fields.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"metadata": {"uid": "0e1d8f2a-0000-4000-8000-000000000001"}}, "metadata.uid belongs"),
        ({"metadata": {"resourceVersion": "12345"}}, "metadata.resourceVersion belongs"),
        ({"metadata": {"resourceVersion": ""}}, "metadata.resourceVersion belongs"),
        ({"metadata": {"generation": 1}}, "metadata.generation belongs"),
        ({"metadata": {"generation": 0}}, "metadata.generation belongs"),
        ({"metadata": {"selfLink": "/x"}}, "metadata.selfLink belongs"),
        ({"metadata": {"managedFields": []}}, "metadata.managedFields belongs"),
        ({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}, "metadata.creationTimestamp belongs"),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "metadata.deletionTimestamp belongs"),
        ({"metadata": {"ownerReferences": [{"uid": "u"}]}}, "metadata.ownerReferences belongs"),
        ({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}, "status belongs"),
        ({"metadata": {"uid": "u", "generation": 2}, "status": {"x": 0}}, "metadata.uid, metadata.generation and status belong"),
    ],
)
def test_the_servers_fields_are_refused_by_name(fields, named):
    """What `kubectl get -o yaml` prints is refused with the place, the object, and the names of the fields."""
    with pytest.raises(TurnupError) as error:
        without_server_fields(thing(**fields), "//svc:dev (exp.yaml)")
    assert str(error.value).startswith(f"//svc:dev (exp.yaml): Service exp: {named} to the API server")
    assert str(error.value).endswith(("Remove it.", "Remove them."))


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"creationTimestamp": None}, "status": {"loadBalancer": {}}},
        {"metadata": {"finalizers": None, "labels": None, "annotations": None}},
        {"status": None},
        {"status": {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}},
        {"metadata": {"uid": None, "resourceVersion": None, "ownerReferences": None, "managedFields": None}},
    ],
)
def test_fields_without_a_value_are_left_out(fields):
    """What `kubectl create --dry-run` and generators of definitions print is accepted, and not sent."""
    assert without_server_fields(thing(spec={"a": None}, **fields), "//svc:dev") == thing(spec={"a": None})


def test_null_in_lists_of_built_in_kinds_is_no_field():
    """Null in an element of a list goes; elsewhere, in custom resources and in fields with arbitrary JSON it stays."""
    assert without_null_in_lists(thing(spec={"l": [{"protocol": "", "value": ""}], "protocol": ""})) == thing(spec={"l": [{"value": ""}], "protocol": ""})
    spec = {"ports": [{"port": 80, "protocol": None, "x": {"y": None}, "z": [{"a": None}]}], "b": None, "l": [None]}
    cleaned = {"ports": [{"port": 80, "x": {"y": None}, "z": [{}]}], "b": None, "l": [None]}
    assert without_null_in_lists(thing(spec=spec)) == thing(spec=cleaned)
    for kind, version in (
        ("Gw", "shop.example.com/v1"),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
        ("ControllerRevision", "apps/v1"),
        ("ResourceClaim", "resource.k8s.io/v1"),
    ):
        obj = thing(kind, version, spec=spec)
        assert without_null_in_lists(obj) is obj


def test_an_empty_selector_of_a_job_is_the_generated_one():
    """A Job's empty selector goes; a manual one, one with content and that of another kind stay."""
    for blank in ({}, None, {"matchLabels": {}}):
        assert without_generated_selector(thing("Job", "batch/v1", spec={"selector": blank, "x": 1})) == thing("Job", "batch/v1", spec={"x": 1})
    for obj in (
        thing("Job", "batch/v1", spec={"selector": {}, "manualSelector": True}),
        thing("Job", "batch/v1", spec={"selector": {"matchLabels": {"a": "b"}}}),
        thing("Job", "batch/v1", spec={}),
        thing("Job", "shop.example.com/v1", spec={"selector": {}}),
        thing("Service", spec={"selector": {}}),
    ):
        assert without_generated_selector(obj) is obj


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"stringData": {"a": "x\U0001f389"}}, {"a": "ePCfjok="}),
        ({"data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"a": "z"}}, {"a": "eg==", "b": "Yg=="}),
        ({"data": {"a": "YQ=="}, "stringData": {}}, {"a": "YQ=="}),
        ({"stringData": None}, None),
        ({"data": None, "stringData": {"a": ""}}, {"a": ""}),
    ],
)
def test_string_data_becomes_data(fields, data):
    """A Secret's texts are sent in data, and win over it, as on the server."""
    assert with_data(thing("Secret", **fields)) == thing("Secret", **({"data": data} if data is not None else {}))


@pytest.mark.parametrize("fields", [{"stringData": {"a": 1}}, {"stringData": ["a"]}, {"data": "x", "stringData": {"a": "b"}}, {"data": {"a": "Yg=="}}])
def test_what_the_server_would_refuse_is_left_to_it(fields):
    """Texts and data of a wrong type stay as they are, and so does a Secret without texts."""
    obj = thing("Secret", **fields)
    assert with_data(obj) is obj


@pytest.mark.parametrize(("kind", "field"), [("Secret", "data"), ("Secret", "stringData"), ("ConfigMap", "data"), ("ConfigMap", "binaryData")])
def test_null_is_an_empty_value(kind, field):
    """A key without a value in a ConfigMap or Secret has an empty one; other kinds and fields stay as they are."""
    assert with_values(thing(kind, **{field: {"a": "x", "b": None}})) == thing(kind, **{field: {"a": "x", "b": ""}})
    for other in (thing(kind, **{field: None}), thing(kind, **{field: {"a": "x"}}), thing("Secret", "shop.example.com/v1", **{field: {"a": None}})):
        assert with_values(other) is other


def test_other_kinds_keep_string_data():
    """Only a core Secret has texts."""
    obj = thing("Secret", "shop.example.com/v1", stringData={"a": "b"})
    assert with_data(obj) is obj
