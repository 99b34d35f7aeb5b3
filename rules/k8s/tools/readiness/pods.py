"""Pod status: what a pod waits for, whether it is failing, and which container's log explains it.

Pure functions of live objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rules.k8s.tools.masking.mask import CUT
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.readiness.bounds import eviction, out_of_memory, out_of_processes

# Waiting reasons of containers that do not go away, or only after a long back-off.
_FAILING_REASONS = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "ErrImageNeverPull",
    }
)
# How much of a container's termination message is shown.
_MESSAGE_CHARACTERS = 300
# A message of this many bytes may be truncated at its start: the kubelet keeps the last 2048 bytes of a log, or fewer for many containers.
_CUT_BYTES = 1024


def _containers(pod: Object) -> list[dict[str, Any]]:
    """Returns the statuses of a pod's containers, those of init containers first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _condition(pod: Object, kind: str) -> dict[str, Any]:
    return next((entry for entry in (pod.get("status") or {}).get("conditions") or [] if entry.get("type") == kind), {})


def _waiting(container: dict[str, Any]) -> dict[str, Any]:
    return (container.get("state") or {}).get("waiting") or {}


def _ended(container: dict[str, Any], state: str = "state") -> dict[str, Any]:
    return (container.get(state) or {}).get("terminated") or {}


def _has_crashed(container: dict[str, Any]) -> bool:
    """Returns whether a container is not ready and its present or previous run ended with an error."""
    last = _ended(container) or _ended(container, "lastState")
    return not container.get("ready") and bool(last.get("exitCode"))


def pod_reason(pod: Object) -> str:
    """Returns what a pod that is not ready waits for: its worst container, its scheduling, or its probes; "" if it is ready.

    A container or pod that reached a bound has a sentence that says which one.
    """
    if evicted := eviction(pod):
        return evicted
    for container in _containers(pod):
        waiting, ended = _waiting(container), _ended(container)
        if waiting.get("reason") in _FAILING_REASONS:
            last = _ended(container, "lastState")
            why = f" after {_end(pod, container, last)}" if last.get("reason") else ""
            words = "" if why else f": {' '.join(waiting['message'].split())}" if waiting.get("message") else ""
            return f"container {container['name']}: {waiting['reason']}{why}{words}"
        if ended and ended.get("exitCode"):
            return f"container {container['name']}: {_end(pod, container, ended)}"
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"{scheduled.get('reason', 'not scheduled')}: {scheduled.get('message', '')}".rstrip(": ")
    for container in _containers(pod):
        if _waiting(container).get("reason"):
            return f"container {container['name']}: {_waiting(container)['reason']}"
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        if not container.get("ready"):
            last = _ended(container, "lastState")
            again = f" again after {_end(pod, container, last)}," if last.get("exitCode") else ""
            return f"container {container['name']} runs{again} but is not ready"
    return "" if _condition(pod, "Ready").get("status") == "True" else "is starting"


def _end(pod: Object, container: dict[str, Any], ended: dict[str, Any]) -> str:
    """Returns how a container's run ended: the reason, the exit code, the termination message, and the bound that it reached."""
    whole = ended.get("message") or ""
    message = " ".join(whole.split())
    if len(message) > _MESSAGE_CHARACTERS:
        message = message[:_MESSAGE_CHARACTERS] + CUT
    # The redactor also masks parts of a Secret's value next to a cut mark.
    message = CUT + message if len(whole.encode()) >= _CUT_BYTES else message
    bound = out_of_memory(pod, container["name"]) if ended.get("reason") == "OOMKilled" else out_of_processes(whole.splitlines())
    text = f"{ended.get('reason') or 'Error'}, exit code {ended.get('exitCode')}" + (f" ({message})" if message else "")
    return f"{text}: {bound}" if bound else text


def is_failing(pod: Object) -> bool:
    """Returns whether a pod is failing: it has crashed, cannot start, or cannot be scheduled."""
    containers = _containers(pod)
    return (
        any(_waiting(container).get("reason") in _FAILING_REASONS or _has_crashed(container) for container in containers)
        or _condition(pod, "PodScheduled").get("status") == "False"
    )


def cannot_start(pod: Object) -> bool:
    """Returns whether a container needs a change of the cluster or the manifest to start, such as an image or a Secret."""
    return any(_waiting(container).get("reason") in _FAILING_REASONS - {"CrashLoopBackOff"} for container in _containers(pod))


def is_delayed(pod: Object) -> bool:
    """Returns whether the kubelet pauses before it starts a container again, or pulls its image again."""
    return any(_waiting(container).get("reason") in ("CrashLoopBackOff", "ImagePullBackOff") for container in _containers(pod))


def restart_count(pod: Object) -> int:
    """Returns the highest restart count among a pod's containers that are not ready."""
    return max((container.get("restartCount") or 0 for container in _containers(pod) if not container.get("ready")), default=0)


def has_messages(pod: Object) -> bool:
    """Returns whether a pod's reason may quote termination messages of its containers."""
    return any(_ended(container, state).get("message") for container in _containers(pod) for state in ("state", "lastState"))


def most_telling_container(pod: Object) -> tuple[str, bool] | None:
    """Returns the container with the log that best explains why a pod is not ready.

    Args:
        pod: the live pod.

    Returns:
        (container, whether to read the log of its previous run); None if no container has run.
    """
    for container in _containers(pod):
        if _has_crashed(container):
            # If the container is waiting for a restart or runs again, the previous log has the reason.
            return container["name"], not _ended(container)
    for container in _containers(pod):
        if not container.get("ready") and "running" in (container.get("state") or {}):
            return container["name"], False
    return None


def container_state(pod: Object | None, container: str) -> dict[str, Any]:
    """Returns the state of a container, {} if it has none yet: an entry `waiting`, `running` or `terminated`."""
    status = (pod or {}).get("status") or {}
    entries = [entry for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses") for entry in status.get(field) or []]
    return next((entry.get("state") or {} for entry in entries if entry["name"] == container), {})


class PodIndex:
    """An index of pods by label.

    Args:
        pods: live pods.
    """

    def __init__(self, pods: Iterable[Object]) -> None:
        self._by_label: dict[tuple[str, str, str], list[Object]] = {}
        self._claims: set[tuple[str, str]] = set()
        for pod in pods:
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                self._claims |= {(pod["metadata"].get("namespace", ""), name) for name in _claims_of(pod)}
            for key, value in (pod["metadata"].get("labels") or {}).items():
                self._by_label.setdefault((pod["metadata"].get("namespace", ""), key, value), []).append(pod)

    def using_claim(self, namespace: str, name: str) -> bool:
        """Returns whether a pod that has not finished uses a claim."""
        return (namespace, name) in self._claims

    def of(self, workload: Object) -> list[Object]:
        """Returns the pods in a workload's namespace that match its selector."""
        selector = (workload.get("spec") or {}).get("selector") or {}
        labels = selector if workload.get("kind") == "ReplicationController" else selector.get("matchLabels")
        if not labels:
            return []
        place = workload["metadata"].get("namespace", "")
        candidates = min((self._by_label.get((place, key, value), []) for key, value in labels.items()), key=len)
        return [pod for pod in candidates if labels.items() <= pod["metadata"]["labels"].items()]


def _claims_of(pod: Object) -> set[str]:
    """Returns the names of the claims that a pod's volumes use."""
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return {volume["persistentVolumeClaim"].get("claimName", "") for volume in volumes if volume.get("persistentVolumeClaim")}
