"""Trials of stacks: a history of steps is run against the server, and after each step the server has exactly what the model has."""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rules.k8s.testing.plans import deployment
from rules.k8s.tools.objects.hashed_names import BASE_ANNOTATION
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION
from tests.apply.generated.cases import Report
from tests.apply.generated.engine import Engine, Object, Said
from tests.apply.generated.hints import IMAGE
from tests.apply.generated.stack_model import Key, Model, Set, Step, Thing, Wanted
from tests.apply.stacks import KILLER

STACK = "//svc:dev-deep"
_VALUE = "generated/value"
_COLLECTIONS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}
_SECONDS = 120


@dataclass
class Failure:
    """A step after which something does not hold.

    Attributes:
        check: what should have held.
        detail: what was found instead.
        step: the index of the step.
    """

    check: str
    detail: str
    step: int


def manifest(thing: Thing, place: str) -> Object:
    """Returns the manifest of an object."""
    notes = {_VALUE: thing.value, **({"turnup/on-remove": "keep"} if thing.keep else {})}
    if thing.kind == "ConfigMap" and not thing.hashed:
        notes["turnup/stable-name"] = "true"
    version = "apps/v1" if thing.kind == "Deployment" else "v1"
    obj: Object = {"apiVersion": version, "kind": thing.kind, "metadata": {"name": thing.name, "annotations": notes, "namespace": place}}
    if thing.kind == "ConfigMap":
        obj["data"] = {"v": thing.value}
    elif thing.kind == "Secret":
        obj["stringData"] = {"v": f"value-{thing.value}"}
    elif thing.kind == "Service":
        obj["spec"] = {"clusterIP": "None", "selector": {"app": thing.name}, "ports": [{"name": "p", "port": 80 + int(thing.value)}]}
    elif thing.kind == "Deployment":
        obj["spec"] = deployment(thing.name, image=IMAGE, replicas=1 + int(thing.value))["spec"]
    return obj


class Trial:
    """Runs a history in a namespace of its own.

    Args:
        engine: the user.
        report: gets counts.
        place: the namespace.
    """

    def __init__(self, engine: Engine, report: Report, place: str) -> None:
        self._engine = engine
        self._report = report
        self._place = place
        self._model = Model()
        self._others: dict[str, Object] = {}

    def run(self, steps: list[Step]) -> Failure | None:
        """Runs steps until one fails."""
        self._engine.create_namespace(self._place)
        self._add_other("bystander", {})
        for index, step in enumerate(steps):
            failure = self._step(step)
            if failure:
                return Failure(*failure, index)
            if index == 0:
                self._copy_one()
        return None

    def _add_other(self, name: str, meta: Object) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**meta, "name": name}, "data": {"v": "other"}}
        self._others[name] = self._engine.client.request("POST", _COLLECTIONS["ConfigMap"].format(self._place), body=body)[1]

    def _copy_one(self) -> None:
        """Creates an object with all labels and annotations of one of the stack, as somebody who copies it does."""
        found = self._engine.client.request("GET", _COLLECTIONS["ConfigMap"].format(self._place))[1]["items"]
        mine = [obj for obj in found if OWNER_ANNOTATION in (obj["metadata"].get("annotations") or {})]
        if mine:
            # A copy of a generation is one more generation, which a delete of the stack removes.
            labels = {key: value for key, value in (mine[0]["metadata"].get("labels") or {}).items() if "base-name" not in key}
            notes = {key: value for key, value in mine[0]["metadata"]["annotations"].items() if key != BASE_ANNOTATION}
            self._add_other("zz-copied", {"labels": labels, "annotations": notes})

    def _use(self, step: Step) -> Set:
        """Makes a step's targets the closure; returns its set."""
        documents, wanted = [], {}
        for label, (_, things) in step.targets.items():
            document = (
                self._empty(label)
                if not things
                else self._engine.build(label, [manifest(each, self._place) for each in things], stable=False, namespace=self._place)
            )
            documents.append(document)
            for thing, obj in zip(things, document["objects"], strict=True):
                base = (obj["metadata"].get("annotations") or {}).get(BASE_ANNOTATION, "")
                wanted[thing.kind, obj["metadata"]["name"]] = Wanted(thing.value, label, base, thing.keep)
        self._engine.plan(STACK, documents, {label: deps for label, (deps, _) in step.targets.items()})
        return wanted

    def _empty(self, label: str) -> Object:
        """Returns the document of a target without objects, such as a k8s_objects that has only dependencies."""
        document = self._engine.build(label, [manifest(Thing("ConfigMap", "none", "1"), self._place)], namespace=self._place)
        return {**document, "objects": [], "named_namespaces": []}

    def _step(self, step: Step) -> tuple[str, str] | None:
        model, wanted = self._model, self._use(step)
        goal, arguments = wanted, list(step.arguments)
        if step.verb == "rollback":
            known = sorted(model.revisions)
            if not known:
                return None
            if arguments:
                number = known[int(arguments[0].partition("#")[2]) % len(known)]
                arguments = [f"--to={number}"]
            elif len(known) < 2:
                return None
            else:
                number = known[-2]
            goal = model.revisions[number]
        failure = self._diff(step, wanted) if step.verb == "apply" else None
        if failure:
            return failure
        if step.kill:
            self._kill(step, arguments)
        said = self._engine.run(step.verb, *arguments)
        self._report.count("operations")
        expected = copy.deepcopy(model)
        refusable = self._refusable(step, goal, model)
        if said.code:
            if not refusable:
                return "a verb that can succeed succeeds", f"{step.verb} {arguments}: exit {said.code}: {said.errors}"
        elif step.verb == "apply":
            gone = expected.leaving(wanted)
            expected.write(wanted)
            expected.remove(gone if arguments else set())
        elif step.verb == "replace":
            expected.write(wanted)
        elif step.verb == "rollback":
            expected.roll_back(goal)
        else:
            expected.delete(wanted)
        failure = self._compare(step, said, expected, exact_targets=not said.code and step.verb != "delete")
        if failure:
            return failure
        self._model = expected
        return self._note_revisions(goal) if not said.code else None

    def _refusable(self, step: Step, goal: Set, model: Model) -> bool:
        """Returns whether the verb may refuse: a replace of what does not exist, a rollback to a Secret that is gone, what was kept."""
        if step.verb == "replace":
            return not goal.keys() <= model.live.keys() or model.may_be_refused(goal)
        if step.verb == "rollback":
            return model.lacks_secret(goal) or model.may_be_refused(goal)
        return step.verb == "apply" and model.may_be_refused(goal)

    def _diff(self, step: Step, wanted: Set) -> tuple[str, str] | None:
        """Compares what a diff before an apply says with what the model says that the apply writes."""
        model = self._model
        said = self._engine.run("diff", *step.arguments)
        if said.writes:
            return "a diff writes nothing", f"{said.writes}"
        if model.may_be_refused(wanted):
            return None
        going = model.leaving(wanted) if step.arguments else set()
        code = 1 if going or model.changes(wanted) else 0
        if said.code != code:
            return "a diff says whether the apply writes", f"diff {step.arguments}: exit {said.code}, not {code}: {sorted(map(str, said.diffs))} {said.errors}"
        shown = {(identity.kind, identity.name) for identity in said.diffs}
        missing = {key for key in going if key not in shown}
        return ("a diff shows what a prune deletes", f"not shown: {sorted(missing)}") if missing else None

    def _kill(self, step: Step, arguments: list[str]) -> None:
        assert step.kill
        point, delay = step.kill
        process = self._engine.shell.start(step.verb, *arguments, program=KILLER.format(point=point, delay=delay))
        code = process.wait(_SECONDS)
        self._report.count("kills" if code == -signal.SIGKILL else "kills that came too late")

    def _live(self) -> dict[Key, Object]:
        found = {}
        for kind, path in _COLLECTIONS.items():
            for obj in self._engine.client.request("GET", path.format(self._place))[1]["items"]:
                name = obj["metadata"]["name"]
                if not name.startswith("turnup-") and name not in ("default", "kube-root-ca.crt"):
                    found[kind, name] = obj
        return found

    def _compare(self, step: Step, said: Said, expected: Model, *, exact_targets: bool) -> tuple[str, str] | None:
        live = self._live()
        for name, before in self._others.items():
            now = live.pop(("ConfigMap", name), None)
            if now is None or now["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]:
                return "objects of others stay as they are", f"{step.verb}: ConfigMap {name} {'changed' if now else 'is gone'}"
        missing, extra = expected.live.keys() - live.keys(), live.keys() - expected.live.keys()
        ending = f"{step.verb} {step.arguments}, exit {said.code}, {said.notes[-3:]} {said.errors}"
        if extra:
            return f"what a {_what(step)} has to delete is gone", f"left: {sorted(extra)}: {ending}"
        if missing:
            return f"what a {_what(step)} has to keep or make is there", f"missing: {sorted(missing)}: {ending}"
        for key, wanted in expected.live.items():
            notes = live[key]["metadata"].get("annotations") or {}
            if notes.get(_VALUE) != wanted.value and key[0] != "Secret":
                return f"a {_what(step)} leaves the right content", f"{key}: {notes.get(_VALUE)}, not {wanted.value}: {ending}"
            if exact_targets and notes.get(OWNER_ANNOTATION) != wanted.target:
                return f"a {_what(step)} leaves the right target", f"{key}: {notes.get(OWNER_ANNOTATION)}, not {wanted.target}: {ending}"
        if step.verb == "delete" and not said.code:
            left = [
                obj["metadata"]["name"]
                for kind in ("ConfigMap", "Secret")
                for obj in self._engine.client.request("GET", _COLLECTIONS[kind].format(self._place))[1]["items"]
                if obj["metadata"]["name"].startswith("turnup-")
            ]
            if left:
                return "a delete leaves no records", f"{left}: {ending}"
        return None

    def _note_revisions(self, goal: Set) -> tuple[str, str] | None:
        said = self._engine.run("rollback", "--list")
        model = self._model
        for number in said.revisions:
            model.revisions.setdefault(number, goal)
        model.revisions = {number: each for number, each in model.revisions.items() if number in said.revisions}
        # The newest revision is what the stack has now.
        if said.revisions and {key: each.value for key, each in model.revisions[max(said.revisions)].items()} != {
            key: each.value for key, each in goal.items()
        }:
            return "the newest revision is the present set", f"revision {max(said.revisions)} is another set"
        return None


def _what(step: Step) -> str:
    return "prune" if "--prune" in step.arguments else step.verb


def shrink_history(steps: list[Step], failure: Failure, fails: Callable[[list[Step]], Failure | None], seconds: float) -> tuple[list[Step], Failure]:
    """Returns a shorter history with smaller graphs that fails the same check.

    Args:
        steps: the history.
        failure: how it fails.
        fails: runs a history in a new namespace.
        seconds: when to stop.
    """
    deadline = time.monotonic() + seconds
    steps = steps[: failure.step + 1]
    progress = True
    while progress and time.monotonic() < deadline:
        progress = False
        for candidate in _smaller(steps):
            if time.monotonic() > deadline:
                break
            found = fails(candidate)
            if found and found.check == failure.check:
                steps, failure, progress = candidate[: found.step + 1], found, True
                break
    return steps, failure


def _smaller(steps: list[Step]) -> list[list[Step]]:
    """Returns histories with one thing less: a step, a kill, a target or an object in all steps, or a dependency."""
    found = [[*steps[:index], *steps[index + 1 :]] for index in range(len(steps) - 1)]
    found += [[*steps[:index], Step(step.targets, step.verb, step.arguments), *steps[index + 1 :]] for index, step in enumerate(steps) if step.kill]
    labels = list(dict.fromkeys(label for step in steps for label in step.targets))
    for label in labels:
        found.append([Step(_without_target(step.targets, label), step.verb, step.arguments, step.kill) for step in steps])
    for key in dict.fromkeys((thing.kind, thing.name) for step in steps for _, things in step.targets.values() for thing in things):
        found.append(
            [
                Step(
                    {label: (deps, [each for each in things if (each.kind, each.name) != key]) for label, (deps, things) in step.targets.items()},
                    step.verb,
                    step.arguments,
                    step.kill,
                )
                for step in steps
            ]
        )
    for label in labels:
        if any(step.targets.get(label, ([], []))[0] for step in steps):
            found.append(
                [
                    Step({each: ([] if each == label else deps, things) for each, (deps, things) in step.targets.items()}, step.verb, step.arguments, step.kill)
                    for step in steps
                ]
            )
    return found


def _without_target(targets: dict[str, tuple[list[str], list[Thing]]], gone: str) -> dict[str, tuple[list[str], list[Thing]]]:
    return {label: ([each for each in deps if each != gone], things) for label, (deps, things) in targets.items() if label != gone}


def describe(steps: list[Step]) -> list[Any]:
    """Returns a history as JSON."""
    return [step.plain() for step in steps]
