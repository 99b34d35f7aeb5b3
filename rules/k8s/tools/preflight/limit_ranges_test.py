"""Tests of what LimitRanges add to the containers of pods."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.preflight.limit_ranges import with_defaults
from rules.k8s.tools.preflight.pod_demand import in_scope


def limit_range(kind: str = "Container", **fields: Any) -> dict[str, Any]:
    """Returns a LimitRange."""
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r"}, "spec": {"limits": [{"type": kind, **fields}]}}


def resources(own: dict[str, Any], *ranges: dict[str, Any]) -> dict[str, Any]:
    """Returns the resources that a Deployment's container gets."""
    obj = deployment("web")
    obj["spec"]["template"]["spec"]["containers"][0]["resources"] = own
    return with_defaults(identity(obj), obj, ranges)["spec"]["template"]["spec"]["containers"][0]["resources"]


@pytest.mark.parametrize(
    ("own", "fields", "requests", "limits"),
    [
        ({}, {"default": {"memory": "2"}, "defaultRequest": {"memory": "1"}}, "1", "2"),
        ({}, {"default": {"memory": "2"}}, "2", "2"),
        ({}, {"max": {"memory": "3"}, "min": {"memory": "1"}}, "3", "3"),
        ({}, {"min": {"memory": "1"}}, "1", None),
        ({"limits": {"memory": "5"}}, {"default": {"memory": "2"}, "defaultRequest": {"memory": "1"}}, "5", "5"),
        ({"requests": {"memory": "1"}}, {"default": {"memory": "2"}, "defaultRequest": {"memory": "0"}}, "1", "2"),
        ({"requests": {"memory": "1"}, "limits": {"memory": "3"}}, {"default": {"memory": "2"}}, "1", "3"),
    ],
)
def test_defaults(own, fields, requests, limits):
    """A container keeps its own quantities, and gets the others as the API server gives them."""
    found = resources(own, limit_range(**fields))

    assert (found["requests"].get("memory"), found["limits"].get("memory")) == (requests, limits)


def test_the_manifest_is_not_changed():
    """The result is a copy, and objects without containers, and limits of others than containers, are left alone."""
    obj = deployment("web")
    before = repr(obj)
    assert with_defaults(identity(obj), obj, [limit_range(default={"memory": "1"})]) != obj
    assert repr(obj) == before

    for same, ranges in ((config_map("a"), [limit_range(default={"memory": "1"})]), (obj, [limit_range("Pod", max={"memory": "1"})]), (obj, [])):
        assert with_defaults(identity(same), same, ranges) is same


def test_pods_and_init_containers():
    """A bare pod, and init containers, get them, too; such a pod is not in the scope of quotas for pods without any."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}}
    best_effort = {"spec": {"scopes": ["BestEffort"]}}
    found = with_defaults(identity(pod), pod, [limit_range(defaultRequest={"cpu": "1"})])["spec"]

    assert [each[0]["resources"]["requests"] for each in (found["containers"], found["initContainers"])] == [{"cpu": "1"}] * 2
    assert in_scope(best_effort, pod["spec"])
    assert not in_scope(best_effort, found)
