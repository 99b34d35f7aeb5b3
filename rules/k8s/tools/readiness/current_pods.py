"""Which pods of a workload are those of its present template: the others' troubles are what an apply may just have cured.

A Deployment's pods belong to ReplicaSets, which carry its revision. They are read one by one, when a
pod is in trouble; an account that may not read them gets by with comparing pods with the template.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.kinds import WITHOUT_OBSERVED_GENERATION
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import Waiting

_REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets", True)
_REVISION = "deployment.kubernetes.io/revision"
_HASH_LABEL = "controller-revision-hash"
# A DaemonSet does not name its revision; it counts its templates, and writes the number on their pods.
_TEMPLATE_COUNT = "deprecated.daemonset.template.generation"
_TEMPLATE_LABEL = "pod-template-generation"
# What a controller adds to the labels of a template, and what admission adds to containers and pods, is no difference.
_COMPARED = ("image", "env", "envFrom", "workingDir", "ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


class PresentPods:
    """Tells the pods of present templates from those of former ones.

    Args:
        client: the API server.
    """

    def __init__(self, client: Client):
        self._client = client
        self._known: dict[tuple[str, str], bool | None] = {}

    def of(self, waiting: Waiting, pods: Iterable[Object]) -> list[Object]:
        """Returns those of an object's pods that were made of its present template: none before its controller has seen that.

        Args:
            waiting: the object.
            pods: some of its pods.
        """
        live = waiting.live or {}
        observed = (live.get("status") or {}).get("observedGeneration") or 0
        if live.get("kind") not in WITHOUT_OBSERVED_GENERATION and observed < ((live.get("metadata") or {}).get("generation") or 0):
            return []
        return [pod for pod in pods if self._is_present(pod, live)]

    def _is_present(self, pod: Object, live: Object) -> bool:
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
        return made_of(pod, live) if known is None else known

    def _has_revision(self, namespace: str, owner: Mapping[str, str], wanted: str) -> bool | None:
        """Says whether a ReplicaSet is that of a Deployment's revision; None where it may not be read."""
        key = (owner.get("uid", ""), wanted)
        if key not in self._known:
            try:
                found = self._client.request("GET", _REPLICA_SETS.path(namespace, owner["name"]), accept=METADATA_ONLY)[1]
                self._known[key] = (found["metadata"].get("annotations") or {}).get(_REVISION) == wanted
            except ApiError as error:
                self._known[key] = False if error.status == 404 else None  # It is only removed once nobody wants its pods.
        return self._known[key]


def made_of(pod: Object, live: Object) -> bool:
    """Says whether a pod can have been made of a workload's template: it has what stands there, and what names things."""
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
    """Says whether a value has everything that is wanted, in lists in any place."""
    if isinstance(wanted, dict):
        return not wanted or (isinstance(value, dict) and all(_has(value.get(key), inner) for key, inner in wanted.items()))
    if isinstance(wanted, list):
        return not wanted or (isinstance(value, list) and all(any(_has(each, inner) for each in value) for inner in wanted))
    return wanted is None or value == wanted


def _same(found: str | None, wanted: str | None) -> bool:
    """Says whether two marks are the same; where one is missing there is nothing to tell pods apart by."""
    return not found or not wanted or found == wanted


def stuck_former(waiting: Waiting, bad: list[Object]) -> list[Object]:
    """Returns the pods in trouble that are in the way though they are of a former template: a StatefulSet waits for them to be ready."""
    live = waiting.live or {}
    ordered = live.get("kind") == "StatefulSet" and (live.get("spec") or {}).get("podManagementPolicy") != "Parallel"
    return bad if ordered else []
