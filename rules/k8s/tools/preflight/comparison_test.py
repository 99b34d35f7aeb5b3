"""Tests of the comparison that decides, without a request, that an apply changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rules.k8s.tools.preflight.comparison import content_digest, dropped_fields, is_applied

WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "dev", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [
                    {"name": "main", "image": "a", "args": ["x", "y"], "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]},
                    {"name": "side", "image": "b"},
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            }
        },
    },
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"main"}': {
                        ".": {},
                        "f:name": {},
                        "f:image": {},
                        "f:args": {},
                        "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    },
                    'k:{"name":"side"}': {".": {}, "f:name": {}, "f:image": {}},
                },
                "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
            }
        },
    },
}


def live(**entry: Any) -> dict[str, Any]:
    """Returns the live object after an apply: with defaults, a status and the fields of a controller."""
    obj = copy.deepcopy(WANTED)
    obj["metadata"] |= {
        "uid": "u",
        "resourceVersion": "7",
        "annotations": {"by": "controller"},
        "managedFields": [
            {"manager": "turnup", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": copy.deepcopy(FIELDS), **entry},
            {"manager": "controller", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {}, "subresource": "status"},
        ],
    }
    obj["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP"
    obj["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    obj["status"] = {"replicas": 2}
    return obj


def containers(obj: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the containers of a Deployment."""
    found: list[dict[str, Any]] = obj["spec"]["template"]["spec"]["containers"]
    return found


def test_applied_as_it_is():
    """Defaults, status and fields of other managers are not a difference."""
    assert is_applied(WANTED, live())


@pytest.mark.parametrize(
    "change",
    [
        lambda wanted: wanted["spec"].update(replicas=3),
        lambda wanted: wanted["spec"].update(paused=True),
        lambda wanted: wanted["spec"].pop("replicas"),
        lambda wanted: wanted["metadata"]["labels"].update(more="1"),
        lambda wanted: containers(wanted)[0].update(args=["y", "x"]),
        lambda wanted: containers(wanted)[0]["env"][0].update(value="2"),
        lambda wanted: containers(wanted)[0]["ports"].append({"containerPort": 81}),
        lambda wanted: containers(wanted).reverse(),
        lambda wanted: containers(wanted).pop(),
        lambda wanted: wanted["spec"]["template"]["spec"]["volumes"][0].update(emptyDir={"medium": "Memory"}),
        lambda wanted: wanted["spec"].update(replicas=None),
        lambda wanted: wanted.update(apiVersion="apps/v2"),
    ],
)
def test_changed_manifest_does_not_match(change):
    """Any change, addition, removal or reordering in the manifest is a possible difference."""
    wanted = copy.deepcopy(WANTED)
    change(wanted)

    assert not is_applied(wanted, live())


@pytest.mark.parametrize(
    "change",
    [
        lambda obj: obj["spec"].update(replicas=3),
        lambda obj: obj["spec"].update(replicas=True),
        lambda obj: containers(obj)[0].pop("args"),
        lambda obj: containers(obj).reverse(),
        lambda obj: containers(obj).pop(),
        lambda obj: obj["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"),
        lambda obj: obj["metadata"].pop("managedFields"),
        lambda obj: obj["metadata"]["managedFields"].append({"manager": "turnup", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {}}),
    ],
)
def test_drift_does_not_match(change):
    """Any change of the live object is a possible difference."""
    obj = live()
    change(obj)

    assert not is_applied(WANTED, obj)


def test_sets_are_compared_by_value():
    """A set of scalars matches only in its order."""
    wanted = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t", "finalizers": ["a", "b"]}}
    obj: dict[str, Any] = {
        **wanted,
        "metadata": {
            "name": "t",
            "finalizers": ["a", "other", "b"],
            "managedFields": [
                {"manager": "turnup", "operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"a"': {}, 'v:"b"': {}}}}}
            ],
        },
    }

    assert is_applied(wanted, obj)
    obj["metadata"]["finalizers"] = ["b", "a"]
    assert not is_applied(wanted, obj)


def changed(**meta: Any) -> dict[str, Any]:
    """Returns the live object with other metadata."""
    obj = live()
    obj["metadata"] |= meta
    return obj


@pytest.mark.parametrize(
    "other",
    [
        changed(resourceVersion="8", generation=2),
        changed(managedFields=[]),
        changed(annotations={"by": "controller", "deprecated.daemonset.template.generation": "2"}),
        {**live(), "spec": {**live()["spec"], "selector": None, "list": []}},
    ],
)
def test_bookkeeping_and_empty_lists_are_no_content(other):
    """Numbers of a write, owners of fields and empty lists of a kind of Kubernetes do not count as content."""
    assert content_digest(other) == content_digest(live())


@pytest.mark.parametrize(
    "other",
    [
        changed(labels={"app": "other"}),
        changed(annotations={}),
        {**live(), "status": {"replicas": 3}},
        {**live(), "spec": {**live()["spec"], "selector": {}}},
        {**live(), "apiVersion": "shop.example.com/v1", "spec": {**live()["spec"], "list": []}},
    ],
)
def test_everything_else_is_content(other):
    """Any other value counts, also an empty mapping, and an empty list of a custom resource."""
    first = {**live(), "apiVersion": other["apiVersion"]}
    assert content_digest(other) != content_digest(first)


def test_fields_that_are_not_stored():
    """A field of a manifest that is missing in what is stored is named, unless its value says nothing."""
    wanted = {"spec": {"a": 1, "gone": {"x": 1}, "off": False, "none": None, "empty": [{}], "list": [{"b": 1, "c": "x"}], "other": [1, 2]}}
    stored = {"spec": {"a": 2, "list": [{"b": 1}], "other": [1]}}
    assert list(dropped_fields(wanted, stored)) == ["spec.gone", "spec.list[0].c"]
