"""Tests of the state of a closure where it depends on more than its objects: pods, storage classes, the past."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object, identity
from rules.k8s.tools.readiness.closure_state import ClosureState
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.readiness.settling import SettlingPods

LABEL = "//a:dev"


class _Informer:
    """A copy of a cluster that a test changes."""

    def __init__(self, *objects: Object) -> None:
        self.objects = {self._key(obj): obj for obj in objects}

    @staticmethod
    def _key(obj: Object) -> tuple[str, str, str, str]:
        return obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]

    def put(self, obj: Object) -> None:
        self.objects[self._key(obj)] = obj

    def get(self, key: tuple[str, str, str, str]) -> Object | None:
        return self.objects.get(key)

    def all(self, kind: str) -> list[Object]:
        return [obj for key, obj in self.objects.items() if key[1] == kind]


class _Client:
    """A client whose server has the given paths, or refuses to say."""

    def __init__(self, paths: dict[str, Any] | None = None, events: tuple[str, ...] = ()) -> None:
        self.paths, self.events = paths, events

    def get_or_none(self, path: str, **_: Any) -> Any:
        if self.paths is None:
            raise ApiError(403, "Forbidden", "forbidden")
        return self.paths.get(path)

    def request(self, *_: Any, **__: Any) -> tuple[int, Any]:
        return 200, {"items": [{"reason": reason} for reason in self.events]}


def _object(kind: str, api: str, spec: dict[str, Any], **status: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": "dev", "uid": "u", "generation": 1}, "spec": spec, "status": status}


def _item(obj: Object) -> Item:
    return Item(LABEL, obj, Resource(obj["apiVersion"], obj["kind"], obj["kind"].lower() + "s", True), identity(obj))


def _closure(informer: _Informer, facts: ClusterFacts, *objects: Object, **options: Any) -> ClosureState:
    plan: Any = SimpleNamespace(entries=(SimpleNamespace(label=LABEL, service="a", deps=()),))
    return ClosureState(plan, [_item(obj) for obj in objects], informer, facts, **options)


def _reasons(closure: ClosureState) -> list[str]:
    (target,) = closure.states()
    return [waiting.state.reason for waiting in target.waiting]


CLAIM = _object("PersistentVolumeClaim", "v1", {"storageClassName": "local-path"}, phase="Pending")
CLASS = "/apis/storage.k8s.io/v1/storageclasses/local-path"


def _user_of_claim(phase: str) -> Object:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}, {"name": "w", "emptyDir": {}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "dev"}, "spec": {"volumes": volumes}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("client", "bound_late"),
    [
        (_Client({CLASS: {"volumeBindingMode": "WaitForFirstConsumer"}}), True),
        (_Client({CLASS: {"volumeBindingMode": "Immediate"}}, events=("WaitForFirstConsumer",)), False),
        (_Client({}), False),
        (_Client(events=("WaitForFirstConsumer",)), True),
        (_Client(events=("ProvisioningFailed",)), False),
    ],
)
def test_a_claim_that_nothing_uses_yet(client, bound_late):
    """A claim that gets its volume with its first pod is ready without one; the class says so, or else an event of the claim."""
    closure = _closure(_Informer(CLAIM), ClusterFacts(client), CLAIM)

    assert _reasons(closure) == ([] if bound_late else ["is Pending"])


@pytest.mark.parametrize(("phase", "reasons"), [("Pending", ["is Pending"]), ("Running", ["is Pending"]), ("Succeeded", []), ("Failed", [])])
def test_a_claim_that_a_pod_uses_must_be_bound(phase, reasons):
    """A claim that a present pod uses is waited for; a pod that has finished does not use it any more."""
    facts = ClusterFacts(_Client({CLASS: {"volumeBindingMode": "WaitForFirstConsumer"}}))

    assert _reasons(_closure(_Informer(CLAIM, _user_of_claim(phase)), facts, CLAIM)) == reasons


def test_a_lost_claim_is_never_ready():
    """Only a pending claim waits for a pod."""
    lost = {**CLAIM, "status": {"phase": "Lost"}}
    facts = ClusterFacts(_Client({CLASS: {"volumeBindingMode": "WaitForFirstConsumer"}}))

    assert _reasons(_closure(_Informer(lost), facts, lost)) == ["is Lost"]


JOB = _object("Job", "batch/v1", {"ttlSecondsAfterFinished": 0})


def _finished(kind: str) -> Object:
    return {**JOB, "status": {"conditions": [{"type": kind, "status": "True", "message": "because"}]}}


@pytest.mark.parametrize(
    ("seen", "reasons"),
    [
        ([_finished("Complete"), None], []),
        ([JOB, None], []),
        ([_finished("Failed"), None], ["failed: because"]),
        ([_finished("Failed")], ["failed: because"]),
        ([JOB], ["0 of 1 runs have succeeded"]),
        ([None], []),
    ],
)
def test_a_job_that_its_time_to_live_removes(seen, reasons):
    """A Job that was written and is gone has succeeded, unless its failure was seen."""
    informer = _Informer()
    closure = _closure(informer, ClusterFacts(_Client()), JOB)
    for live in seen:
        informer.objects.clear()
        if live is not None:
            informer.put(live)
        found = _reasons(closure)

    assert found == reasons


def test_a_job_that_nobody_wrote_or_keeps():
    """A Job that the stack never wrote does not exist yet, and one without a time to live must exist."""
    kept = _object("Job", "batch/v1", {})

    assert _reasons(_closure(_Informer(), ClusterFacts(_Client(), lambda _: False), JOB)) == ["does not exist"]
    assert _reasons(_closure(_Informer(), ClusterFacts(_Client()), kept)) == ["does not exist"]


BALANCER = _object("Service", "v1", {"type": "LoadBalancer"})


def test_a_load_balancer_that_nobody_provides():
    """Where the cluster says that it has no load balancers, nobody waits for one, and the target says why."""
    statement = {"/api/v1/namespaces/kube-public/configmaps/turnup-cluster": {"data": {"LoadBalancer": "nothing gives it an address"}}}
    (target,) = _closure(_Informer(BALANCER), ClusterFacts(_Client(statement)), BALANCER).states()

    assert (target.waiting, [obj.state.reason for obj in target.held]) == ((), ["nothing gives it an address"])
    assert _reasons(_closure(_Informer(BALANCER), ClusterFacts(_Client({})), BALANCER)) == ["its load balancer has no address yet"]


CRON = _object("CronJob", "batch/v1", {})
CONFIG = _object("ConfigMap", "v1", {})


def test_nothing_is_ready_before_it_is_written():
    """An object that this run has not written yet is not ready, whatever its kind, also if an earlier run left it."""
    written: set[Any] = set()
    closure = _closure(_Informer(CRON, CONFIG), ClusterFacts(_Client()), CRON, CONFIG, written=written)

    assert _reasons(closure) == ["is not written yet, nor are 1 more objects"]
    written.add(identity(CRON))
    assert _reasons(closure) == ["is not written yet"]
    written.add(identity(CONFIG))
    assert _reasons(closure) == []


def test_a_run_that_writes_nothing_looks_at_every_object():
    """For .status and .wait, also an object that is ready once written must exist."""
    assert _reasons(_closure(_Informer(CRON), ClusterFacts(_Client()), CRON, CONFIG)) == ["does not exist"]


WEB = {
    **_object("Deployment", "apps/v1", {"replicas": 1, "selector": {"matchLabels": {"app": "x"}}}),
    "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
}


def _pod(*, probe: bool = False, started: str = "2026-01-01T00:00:00Z", last: int | None = None, container: str = "c1") -> Object:
    status: dict[str, Any] = {"name": "main", "ready": True, "containerID": container, "state": {"running": {"startedAt": started}}}
    if last is not None:
        status["lastState"] = {"terminated": {"exitCode": last, "reason": "Error"}}
    spec = {"containers": [{"name": "main", **({"readinessProbe": {"tcpSocket": {"port": 1}}} if probe else {})}]}
    ready = [{"type": "Ready", "status": "True"}]
    metadata = {"name": "x-1", "namespace": "dev", "labels": {"app": "x"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Running", "conditions": ready, "containerStatuses": [status]},
    }


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch):
    """A settable clock: seconds since the pod of _pod() has started."""
    seconds = [0.0]
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    settling = lambda: SettlingPods(lambda: seconds[0], lambda: start + datetime.timedelta(seconds=seconds[0]))  # noqa: E731
    monkeypatch.setattr("rules.k8s.tools.readiness.closure_state.SettlingPods", settling)
    return seconds


@pytest.mark.parametrize(
    ("pod", "ready_after"),
    [
        (_pod(), 2.0),
        (_pod(probe=True), 0.0),
        (_pod(last=1), 12.0),
        (_pod(last=0), 2.0),
        (_pod(last=1, probe=True), 0.0),
        (_pod(started="2025-12-31T23:00:00Z"), 0.0),
        (_pod(started="soon"), 2.0),
    ],
)
def test_a_container_without_probe_must_run_for_a_while(clock, pod, ready_after):
    """Without a readiness probe, a container is ready 2 s after it was seen running, and later after a crash."""
    closure = _closure(_Informer(WEB, pod), ClusterFacts(_Client()), WEB, settle=True)
    for now in (0.0, 1.9, 2.0, 11.9, 12.0):
        clock[0] = now
        assert (_reasons(closure) == []) == (now >= ready_after), (now, _reasons(closure))


def test_a_crashed_container_starts_its_time_again(clock):
    """Each start of a container counts by itself."""
    informer = _Informer(WEB, _pod())
    closure = _closure(informer, ClusterFacts(_Client()), WEB, settle=True)
    _reasons(closure)
    clock[0] = 5.0
    informer.put(_pod(container="c2", last=1))

    assert _reasons(closure) == ["pod x-1: container main runs again after Error, exit code 1"]
    assert _reasons(_closure(informer, ClusterFacts(_Client()), WEB)) == []
