"""Events: everything that a run prints, as data. One event is one JSON object.

Each function returns an event of one kind. The Reporter adds `seconds`, the time since the
start of the run. rules/k8s/events.schema.json publishes the fields of each kind, and tests
compare events with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.k8s.tools.masking.mask import mask_object
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.objects.states import Readiness

if TYPE_CHECKING:
    from rules.k8s.tools.api.item import Item, Result

Event = dict[str, Any]


@dataclass(frozen=True)
class UnreadyObject:
    """An object that is not ready.

    Attributes:
        identity: the object.
        state: why it is not ready.
        pods: (pod, what it waits for) for each of its pods that is not ready.
        live: the live object; None if it does not exist.
    """

    identity: Identity
    state: Readiness
    pods: tuple[tuple[Object, str], ...]
    live: Object | None = None


@dataclass(frozen=True)
class TargetState:
    """The state of a target of the closure.

    Attributes:
        label: label of the target.
        service: its service's name; "" if the target is not a service.
        deps: labels of its direct dependencies.
        waiting: its objects that are not ready; empty if the target is ready.
        held: its objects that count as ready, but that only a person can make go on.
    """

    label: str
    service: str
    deps: tuple[str, ...]
    waiting: tuple[UnreadyObject, ...]
    held: tuple[UnreadyObject, ...] = ()

    @property
    def title(self) -> str:
        """The target's display name: its service's name, or its label."""
        return self.service or self.label


def identity_fields(identity: Identity) -> dict[str, str]:
    """Returns an object's identity as the `object` field of events."""
    return {"group": identity.group, "kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def note(text: str) -> Event:
    """Returns the event for a step of the run, in words."""
    return {"event": "note", "text": text}


def held(target: TargetState, obj: UnreadyObject) -> Event:
    """Returns the note about an object that only a person can make go on."""
    return note(f"note: {target.label}: {obj.identity}: {obj.state.reason}")


def warning(target: str, identity: Identity, text: str) -> Event:
    """Returns the event for a warning that the API server sent about an object."""
    return {"event": "warning", "target": target, "object": identity_fields(identity), "text": text}


def outcome(result: Result) -> Event:
    """Returns the event for the result of writing or deleting an object."""
    return {
        "event": "object",
        "target": result.item.label,
        "object": identity_fields(result.item.identity),
        "outcome": result.outcome,
        "message": " ".join(result.error.split()),
    }


def summary(target: str, results: Iterable[Result]) -> Event:
    """Returns the event with the number of objects per outcome."""
    counts: dict[str, int] = {}
    for result in results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    return {"event": "summary", "target": target, "counts": dict(sorted(counts.items()))}


def manifest(target: str, obj: Object) -> Event:
    """Returns the event for an object as it would be applied, with the values of a Secret masked."""
    return {"event": "manifest", "target": target, "manifest": mask_object(obj)}


def difference(item: Item, text: str) -> Event:
    """Returns the event for what an apply would change in an object, as a unified diff."""
    return {"event": "diff", "target": item.label, "object": identity_fields(item.identity), "diff": text}


def description(item: Item, text: str) -> Event:
    """Returns the event for the description of a live object, as text."""
    return {"event": "description", "target": item.label, "object": identity_fields(item.identity), "text": text}


def state(target: TargetState) -> Event:
    """Returns the event for the state of a target: its objects that are not ready, and its dependencies."""
    return {
        "event": "state",
        "target": target.label,
        "service": target.service,
        "ready": not target.waiting,
        "after": list(target.deps),
        "waiting": [
            {
                "object": identity_fields(waiting.identity),
                "reason": waiting.state.reason,
                "failed": waiting.state.failed,
                "pods": [{"pod": pod["metadata"]["name"], "reason": reason} for pod, reason in waiting.pods],
            }
            for waiting in target.waiting
        ],
    }


def stuck(
    target: TargetState, waiting: UnreadyObject, *, pod: str = "", reason: str = "", last_event: str = "", container: str = "", log: Iterable[str] = ()
) -> Event:
    """Returns the event that explains a stuck object.

    Args:
        target: the object's target.
        waiting: the object.
        pod: name of the pod that explains it; "" if there is none.
        reason: why it is stuck; the object's own reason if "".
        last_event: the last Kubernetes Event as a line; "" if there is none.
        container: the container with the log; "" if there is none.
        log: the last lines of the log.
    """
    return {
        "event": "stuck",
        "target": target.label,
        "service": target.service,
        "object": identity_fields(waiting.identity),
        "pod": pod,
        "reason": reason or waiting.state.reason,
        "last_event": last_event,
        "container": container,
        "log": list(log),
    }


def ready(target: str) -> Event:
    """Returns the event for a run whose objects are all ready."""
    return {"event": "ready", "target": target}


def error(message: str, exit_code: int) -> Event:
    """Returns the event for an error."""
    return {"event": "error", "message": message, "exit_code": exit_code}


def ended(exit_code: int) -> Event:
    """Returns the last event of a run."""
    return {"event": "ended", "exit_code": exit_code}
