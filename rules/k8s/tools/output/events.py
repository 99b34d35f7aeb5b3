"""What a verb says while it runs, as data: one event is one JSON object.

Every event has `event`, its kind, and `seconds`, the time since the run began. The other
fields of each kind are published in rules/k8s/events.schema.json; what is written here
and what stands there is compared by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable

from rules.k8s.tools.masking.mask import mask_object
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.objects.states import Readiness

if TYPE_CHECKING:
    from rules.k8s.tools.api.item import Item, Result

Event = dict[str, Any]


@dataclass(frozen=True)
class Waiting:
    """An object that is not ready.

    Attributes:
        identity: the object.
        state: why it is not ready.
        pods: (pod, what it waits for) of those of its pods that are not ready.
        live: the object as the cluster has it, None when it is not there.
    """

    identity: Identity
    state: Readiness
    pods: tuple[tuple[Object, str], ...]
    live: Object | None = None


@dataclass(frozen=True)
class Part:
    """A target of the closure while waiting.

    Attributes:
        label: the target.
        service: its service's name, "" for a target that is no service.
        deps: labels of the targets it depends on directly.
        waiting: its objects that are not ready; empty when it is.
    """

    label: str
    service: str
    deps: tuple[str, ...]
    waiting: tuple[Waiting, ...]

    @property
    def title(self) -> str:
        """What to call it: its service's name, or its label."""
        return self.service or self.label


def identity_fields(identity: Identity) -> dict[str, str]:
    """Returns an object's identity as events carry it."""
    return {"group": identity.group, "kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def note(text: str) -> Event:
    """A step of the run, in words."""
    return {"event": "note", "text": text}


def outcome(result: Result) -> Event:
    """What became of one object."""
    return {"event": "object", "target": result.item.label, "object": identity_fields(result.item.identity), "outcome": result.outcome,
            "message": " ".join(result.error.split())}


def summary(target: str, results: Iterable[Result]) -> Event:
    """How many objects had which outcome."""
    counts: dict[str, int] = {}
    for result in results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    return {"event": "summary", "target": target, "counts": dict(sorted(counts.items()))}


def manifest(target: str, obj: Object) -> Event:
    """One object as it would be applied, a Secret's values masked."""
    return {"event": "manifest", "target": target, "manifest": mask_object(obj)}


def difference(item: Item, text: str) -> Event:
    """What an apply would change about one object, as a unified diff."""
    return {"event": "diff", "target": item.label, "object": identity_fields(item.identity), "diff": text}


def description(item: Item, text: str) -> Event:
    """What there is to know about one live object, as text."""
    return {"event": "description", "target": item.label, "object": identity_fields(item.identity), "text": text}


def state(part: Part) -> Event:
    """How far one target is: what of it is not ready, why, and which targets it comes after."""
    return {
        "event": "state", "target": part.label, "service": part.service, "ready": not part.waiting, "after": list(part.deps),
        "waiting": [{
            "object": identity_fields(waiting.identity), "reason": waiting.state.reason, "failed": waiting.state.failed,
            "pods": [{"pod": pod["metadata"]["name"], "reason": reason} for pod, reason in waiting.pods],
        } for waiting in part.waiting],
    }


def stuck(part: Part, waiting: Waiting, *, pod: str = "", reason: str = "", last_event: str = "", container: str = "",
          log: Iterable[str] = ()) -> Event:
    """Why an object does not get ready: the pod and its reason, the last event, the last lines of its log."""
    return {"event": "stuck", "target": part.label, "service": part.service, "object": identity_fields(waiting.identity), "pod": pod,
            "reason": reason or waiting.state.reason, "last_event": last_event, "container": container, "log": list(log)}


def ready(target: str) -> Event:
    """Everything of the run is ready."""
    return {"event": "ready", "target": target}


def error(message: str, exit_code: int) -> Event:
    """Why the run ends without success."""
    return {"event": "error", "message": message, "exit_code": exit_code}


def ended(exit_code: int) -> Event:
    """The last event of every run."""
    return {"event": "ended", "exit_code": exit_code}
