"""Current pods: the pods of a workload's current template. An apply may just have fixed what is wrong with older pods.

A Deployment's pods belong to ReplicaSets, which have its revision as an annotation. A ReplicaSet is read only if a pod is
failing. If the account may not read ReplicaSets, the pods are compared with the template instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.kinds import WITHOUT_OBSERVED_GENERATION
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import UnreadyObject

_REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets", True)
_REVISION = "deployment.kubernetes.io/revision"
_HASH_LABEL = "controller-revision-hash"
# A DaemonSet does not have its revision's name in its status. It counts its templates, and labels its pods with the number.
_TEMPLATE_COUNT = "deprecated.daemonset.template.generation"
_TEMPLATE_LABEL = "pod-template-generation"
# Fields that a pod must have as in the template. Controllers and admission may add labels, containers and other fields.
_COMPARED = ("image", "env", "envFrom", "workingDir", "ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


class CurrentPods:
    """Finds the pods of current templates; keeps what it has read of ReplicaSets.

    Args:
        client: client of the API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], bool | None] = {}

    def of(self, waiting: UnreadyObject, pods: Iterable[Object]) -> list[Object]:
        """Returns those pods that have the workload's current template; none until its controller has observed the template.

        Args:
            waiting: the workload.
            pods: some of its pods.
        """
        live = waiting.live or {}
        observed = (live.get("status") or {}).get("observedGeneration") or 0
        if live.get("kind") not in WITHOUT_OBSERVED_GENERATION and observed < ((live.get("metadata") or {}).get("generation") or 0):
            return []
        return [pod for pod in pods if self._is_current(pod, live)]

    def _is_current(self, pod: Object, live: Object) -> bool:
        labels, kind = pod["metadata"].get("labels") or {}, live.get("kind")
        if kind == "StatefulSet":
            return _same(labels.get(_HASH_LABEL), (live.get("status") or {}).get("updateRevision"))
        annotations = (live.get("metadata") or {}).get("annotations") or {}
        if kind == "DaemonSet":
            return _same(labels.get(_TEMPLATE_LABEL), annotations.get(_TEMPLATE_COUNT))
        owner = next((entry for entry in pod["metadata"].get("ownerReferences") or [] if entry.get("kind") == "ReplicaSet"), None)
        if kind != "Deployment" or not owner or _REVISION not in annotations:
            return True
        known = self._has_revision(pod["metadata"]["namespace"], owner, annotations[_REVISION])
        return matches_template(pod, live) if known is None else known

    def _has_revision(self, namespace: str, owner: Mapping[str, str], wanted: str) -> bool | None:
        """Returns whether a ReplicaSet has a Deployment's revision; None if it may not be read."""
        key = (owner.get("uid", ""), wanted)
        if key not in self._known:
            try:
                found = self._client.get_or_none(_REPLICA_SETS.path(namespace, owner["name"]), accept=METADATA_ONLY)
                # Only an old ReplicaSet is removed.
                self._known[key] = found is not None and (found["metadata"].get("annotations") or {}).get(_REVISION) == wanted
            except ApiError:
                self._known[key] = None
        return self._known[key]


def matches_template(pod: Object, live: Object) -> bool:
    """Returns whether a pod may have been created from a workload's template, because it has all that the template has.

    Args:
        pod: the live pod.
        live: the live workload.
    """
    template = (live.get("spec") or {}).get("template") or {}
    if not _has(pod["metadata"], {name: (template.get("metadata") or {}).get(name) or {} for name in ("labels", "annotations")}):
        return False
    for field in ("initContainers", "containers"):
        own = {container["name"]: container for container in (pod.get("spec") or {}).get(field) or []}
        for wanted in (template.get("spec") or {}).get(field) or []:
            container = own.get(wanted["name"])
            if container is None or not all(_has(container.get(name), wanted.get(name)) for name in _COMPARED):
                return False
            if any((container.get(name) or []) != (wanted.get(name) or []) for name in ("command", "args")):
                return False
    return True


def _has(value: Any, wanted: Any) -> bool:
    """Returns whether a value contains everything that is wanted; the elements of lists in any order."""
    if isinstance(wanted, dict):
        return not wanted or (isinstance(value, dict) and all(_has(value.get(key), inner) for key, inner in wanted.items()))
    if isinstance(wanted, list):
        return not wanted or (isinstance(value, list) and all(any(_has(each, inner) for each in value) for inner in wanted))
    return wanted is None or value == wanted


def _same(found: str | None, wanted: str | None) -> bool:
    """Returns whether two revision labels are the same; True if one is missing, because then nothing distinguishes the pods."""
    return not found or not wanted or found == wanted


def blocking_old_pods(waiting: UnreadyObject, failing: list[Object]) -> list[Object]:
    """Returns the failing pods of an older template that block a rollout: a StatefulSet waits until they are ready.

    Args:
        waiting: the workload.
        failing: its failing pods.
    """
    live = waiting.live or {}
    ordered = live.get("kind") == "StatefulSet" and (live.get("spec") or {}).get("podManagementPolicy") != "Parallel"
    return failing if ordered else []
