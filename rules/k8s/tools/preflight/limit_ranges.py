"""What LimitRanges add to the containers of pods at admission. Pure functions.

A pod gets these requests and limits when it is created, and the workload that creates it never does, so only a calculation of
pods needs them. https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.pod_demand import pod_spec

_KINDS_OF_CONTAINERS = ("containers", "initContainers")


def with_defaults(identity: Identity, obj: Object, ranges: Iterable[Object]) -> Object:
    """Returns a workload with the requests and limits that its pods get; the object itself if they get none.

    Args:
        identity: the workload, or any other object.
        obj: its manifest.
        ranges: the LimitRanges of its namespace.
    """
    spec = pod_spec(identity, obj)
    entries = [entry for each in ranges for entry in (each.get("spec") or {}).get("limits") or [] if entry.get("type") == "Container"]
    if not spec or not entries:
        return obj
    filled = {**spec, **{kind: [_filled(each, entries) for each in spec.get(kind) or []] for kind in _KINDS_OF_CONTAINERS if spec.get(kind)}}
    if identity.kind == "Pod":
        return {**obj, "spec": filled}
    template = {**obj["spec"]["template"], "spec": filled}
    return {**obj, "spec": {**obj["spec"], "template": template}}


def _filled(container: Any, entries: list[dict[str, Any]]) -> Any:
    if not isinstance(container, dict):
        return container
    resources = container.get("resources") or {}
    limits = dict(resources.get("limits") or {})
    # A container's own limit is its request before any default.
    requests = {**limits, **(resources.get("requests") or {})}
    for entry in entries:
        # The server has set the defaults of a live LimitRange; one of the closure is as it is written.
        most = entry.get("max") or {}
        default = {**most, **(entry.get("default") or {})}
        requested = {**(entry.get("min") or {}), **default, **(entry.get("defaultRequest") or {})}
        limits = {**default, **limits}
        requests = {**requested, **requests}
    return {**container, "resources": {**resources, "limits": limits, "requests": requests}}
