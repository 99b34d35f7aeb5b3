"""Trials of objects: three applies and a diff, and of pairs of versions: diff, apply, a fresh second version, replace and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Identity
from tests.apply.generated.cases import INTENDED_REFUSALS, Case, Finding, Report
from tests.apply.generated.engine import Engine, Object, Said

_SECOND = 1.05
# What the server sets, or derives from the name or the time.
_SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "name", "namespace")
_ALLOCATED = ("clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy", "volumeName", "uid")
_SERVER_NOTES = ("applyset", "turnup/target", "deprecated.daemonset")
# The steps that are the first to see a version.
_FIRST_SIGHTS = ("build", "first apply", "diff before the change")


class Batch:
    """Cases that are applied as one stack.

    Args:
        engine: the user.
        report: gets counts.
        name: a name for the batch: a DNS label that no other batch has.
        cases: the cases.
        stable: whether ConfigMaps and Secrets keep their names.

    Attributes:
        findings: what did not hold so far.
        cases: the cases that are still in the stack: the engine refused none of them.
    """

    def __init__(self, engine: Engine, report: Report, name: str, cases: Iterable[Case], *, stable: bool = True) -> None:
        self._engine = engine
        self._report = report
        self.place = name
        self._stable = stable
        self.cases = list(cases)
        self._all = list(self.cases)
        self.findings: list[Finding] = []
        self._label = f"//{name}:dev"
        self._identities: dict[str, Identity] = {}

    def find(self, check: str, case: Case, detail: str) -> None:
        """Adds a finding, once per case and check."""
        if not any(each.case is case and each.check == check for each in self.findings):
            self.findings.append(Finding(check, case, " ".join(detail.split())))

    def start(self) -> None:
        """Creates the batch's namespaces."""
        for place in sorted({case.place(self.place) for case in self.cases} - {""}):
            self._engine.create_namespace(place)

    def plan(self, version: int) -> None:
        """Builds a version of all cases, and makes it the closure. Cases that the build refuses leave the batch."""
        objects = {case.name: case.manifest(version, self.place) for case in self.cases}
        document: Object | None = None
        try:
            document = self._engine.build(self._label, objects.values(), stable=self._stable)
        except TurnupError:
            for case in list(self.cases):
                try:
                    self._engine.build(self._label, [objects[case.name]], stable=self._stable)
                except TurnupError as error:
                    self._refused(case, "build", str(error), written=False)
            document = self._engine.build(self._label, [objects[case.name] for case in self.cases], stable=self._stable) if self.cases else None
        if document:
            for case, obj in zip(self.cases, document["objects"], strict=True):
                self._identities[case.name] = case.identity(self.place).__class__(**{**vars(case.identity(self.place)), "name": obj["metadata"]["name"]})
            self._engine.plan(f"//{self.place}:all", [document])

    def _refused(self, case: Case, step: str, sentence: str, *, written: bool, expected: bool = False) -> None:
        """Takes a case out of the batch, and judges the refusal."""
        self.cases.remove(case)
        if "internal error" in sentence or "Traceback" in sentence:
            self.find("no refusal is an internal error", case, sentence)
        elif not case.is_named_in(sentence):
            self.find("a refusal names the object", case, sentence)
        elif written:
            self.find("a refusal comes before the first write", case, sentence)
        elif expected or (step in _FIRST_SIGHTS and any(pattern.search(sentence) for pattern in INTENDED_REFUSALS)):
            self._report.count("refused as intended")
            self._report.refuse(Finding(step, case, " ".join(sentence.split())))
        else:
            self.find(f"what the server takes is not refused ({step})", case, sentence)

    def run(self, step: str, verb: str, *, expected: Iterable[str] = (), codes: tuple[int, ...] = (0,)) -> Said:
        """Runs a verb until it refuses nothing; refused cases leave the batch.

        Args:
            step: what this run is, for findings.
            verb: the verb.
            expected: names of objects that may be refused.
            codes: the exit codes of success.
        """
        expected = set(expected)
        said = Said()
        rounds = len(self.cases) + 3
        for _ in range(rounds):
            if not self.cases:
                return Said()
            said = self._engine.run(verb)
            if said.code in codes and not said.errors:
                return said
            own = [each for each in said.writes if self.place in each]
            named = [(case, next((text for text in said.errors if case.is_named_in(text)), "")) for case in self.cases]
            refused = [(case, text) for case, text in named if text]
            if not refused:
                refused = self._search(verb, codes, said)
            for case, text in refused:
                self._refused(case, step, text, written=bool(own), expected=case.name in expected)
            self._replan()
        raise AssertionError(f"{step}: refused after {rounds} rounds: {said.errors}")

    def _search(self, verb: str, codes: tuple[int, ...], said: Said) -> list[tuple[Case, str]]:
        """Returns the cases that are refused alone, when the refusal of all names none; all if there is none."""
        everything, found = self.cases, []
        for case in everything:
            self.cases = [case]
            self._replan()
            alone = self._engine.run(verb)
            if alone.code not in codes or alone.errors:
                found.append((case, "; ".join(alone.errors) or f"exit {alone.code}"))
        self.cases = everything
        return found or [(case, "; ".join(said.errors) or f"exit {said.code}") for case in everything]

    def _replan(self) -> None:
        self.plan(self._version)

    _version = 0

    def use(self, version: int) -> None:
        """Makes a version the closure."""
        self._version = version
        self.plan(version)

    def identity(self, case: Case) -> Identity:
        """Returns the identity under which a case is applied."""
        return self._identities[case.name]

    def live(self) -> dict[str, Object | None]:
        """Returns the live object of each case, by name."""
        wanted = [(case.kind.resource, self.identity(case).namespace, self.identity(case).name) for case in self.cases]
        return dict(zip([case.name for case in self.cases], self._engine.live(wanted), strict=True))

    def changed(self, before: dict[str, Object | None], after: dict[str, Object | None], said: Said) -> dict[str, str]:
        """Returns, for each case that a verb wrote between two snapshots, what changed in it.

        The API server itself writes the status of some objects, such as definitions: that does not count.
        """
        found = {}
        for case in self.cases:
            old, new, own = before.get(case.name), after.get(case.name), self.identity(case)
            collection = case.kind.resource.path(own.namespace)
            paths = (f"{collection}/{quote(own.name)}", collection)
            if not any(each.partition(" ")[2] in paths for each in said.writes):
                continue
            if old is None or new is None:
                if old is not new:
                    found[case.name] = "it is gone" if old else "it was created"
            elif old["metadata"]["resourceVersion"] != new["metadata"]["resourceVersion"]:
                found[case.name] = "; ".join(differences(content(old), content(new))) or "only its resourceVersion or managedFields changed"
        return found

    def end(self) -> None:
        """Deletes the batch with the engine, and checks that nothing of it is left."""
        if self.cases:
            # What was refused later has left the stack, and is deleted with it.
            places = [(case.kind.resource, own.namespace, own.name) for case in self._all if (own := self._identities.get(case.name))]
            self._engine.release(places)
            with self._engine.finishing_namespaces([name for resource, _, name in places if resource.kind == "Namespace"]):
                said = self._engine.run("delete", "--delete-data")
            for case, obj in zip(self.cases, self.live().values(), strict=True):
                own = self.identity(case)
                if obj and not obj["metadata"].get("deletionTimestamp"):
                    self.find(
                        "delete deletes the object",
                        case,
                        "; ".join(said.errors) or f"exit {said.code}, {said.outcomes.get(own)}: {said.messages.get(own)}",
                    )
            self._report.count("deletes")


def content(obj: Object) -> Object:
    """Returns an object without what every write changes."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "managedFields", "generation")}}


def normal(obj: Object) -> Any:
    """Returns what an object's manifest decides in a live object, for comparing two objects of one manifest."""
    text = json.dumps({**obj, "status": None})
    meta = obj["metadata"]
    for value, word in ((meta["uid"], "UID"), (meta["name"], "NAME"), (meta.get("namespace") or "", "PLACE")):
        if value:
            text = text.replace(json.dumps(value)[1:-1], word)
    plain = json.loads(text)
    plain["metadata"] = {key: value for key, value in plain["metadata"].items() if key not in _SERVER_SET}
    for key in ("labels", "annotations"):
        kept = {name: value for name, value in (plain["metadata"].get(key) or {}).items() if not name.startswith(_SERVER_NOTES)}
        plain["metadata"][key] = kept
    return _without_allocated(plain)


def _without_allocated(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_allocated(child) for key, child in value.items() if key not in _ALLOCATED}
    return [_without_allocated(child) for child in value] if isinstance(value, list) else value


def differences(found: Any, wanted: Any, at: str = "") -> list[str]:
    """Returns the first paths where two JSON values differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        parts = [text for key in sorted(found.keys() | wanted.keys()) for text in differences(found.get(key), wanted.get(key), f"{at}.{key}")]
        return parts[:4]
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [text for index, pair in enumerate(zip(found, wanted, strict=True)) for text in differences(*pair, f"{at}[{index}]")][:4]
    return [] if found == wanted else [f"{at}: {json.dumps(found, ensure_ascii=False)[:200]} became {json.dumps(wanted, ensure_ascii=False)[:200]}"]


def try_objects(batch: Batch) -> list[Finding]:
    """Applies a batch three times: the second and the third apply, and a diff before them, write and show nothing."""
    batch.start()
    batch.use(0)
    batch.run("first apply", "apply")
    first = batch.live()
    for case in batch.cases:
        if first[case.name] is None:
            batch.find("an apply creates the object", case, "it is not there")
    said = batch.run("diff after the first apply", "diff", codes=(0, 1))
    for case in batch.cases:
        if batch.identity(case) in said.diffs:
            batch.find("a diff after an apply shows nothing", case, said.diffs[batch.identity(case)])
    before = first
    for step in ("second apply", "third apply"):
        # The times in managedFields have whole seconds, and only a later one shows that the server would write.
        time.sleep(_SECOND)
        said = batch.run(step, "apply")
        after = batch.live()
        changes = batch.changed(before, after, said)
        for case in batch.cases:
            outcome = said.outcomes.get(batch.identity(case))
            if case.name in changes:
                batch.find("a second apply writes nothing", case, f"{step}: {changes[case.name]}")
            elif outcome not in ("unchanged", None):
                batch.find("a second apply says unchanged", case, f"{step}: {outcome}")
        if said.writes and not changes and batch.cases and not batch.findings:
            batch.find("a second apply writes nothing", batch.cases[0], f"{step}: {said.writes}")
        before = after
    batch.end()
    return batch.findings


def _fresh(batch: Batch, engine: Engine, report: Report, name: str) -> dict[str, Any]:
    """Returns the live objects of the second versions of a batch, each applied for the first time; cluster-scoped ones are left out."""
    cases = [Case(case.kind, [case.versions[1]]) for case in batch.cases if case.kind.resource.namespaced]
    other = Batch(engine, report, name, cases)
    other.start()
    other.use(0)
    other.run("first apply of the second version", "apply")
    found = {key: normal(obj) for key, obj in other.live().items() if obj}
    other.end()
    return found


def _change(batch: Batch, step: str, verb: str, expected: set[str]) -> None:
    """Compares what a diff shows with what the verb after it writes."""
    before = batch.live()
    shown = batch.run(f"diff before the {step}", "diff", codes=(0, 1), expected=expected).diffs
    said = batch.run(step, verb, expected=expected)
    changes = batch.changed(before, batch.live(), said)
    for case in batch.cases:
        is_shown = batch.identity(case) in shown
        if case.name in changes and not is_shown:
            batch.find("a diff shows what the apply writes", case, f"{step}: {said.outcomes.get(batch.identity(case))}: {changes[case.name]}")
        elif is_shown and case.name not in changes:
            batch.find("what a diff shows is written", case, f"{step}: {shown[batch.identity(case)]}")


def _compare(batch: Batch, step: str, fresh: dict[str, Any]) -> None:
    for name, obj in batch.live().items():
        case = next(each for each in batch.cases if each.name == name)
        if obj and name in fresh and (found := differences(fresh[name], normal(obj))):
            batch.find("a changed object is what a fresh one is", case, f"{step}, fresh and live: {'; '.join(found)}")


def try_pairs(batch: Batch, engine: Engine, report: Report, name: str, refusals: dict[str, str]) -> list[Finding]:
    """Changes a batch from its first versions to its second ones, replaces it with the first ones twice, and applies the second ones again.

    Args:
        batch: the batch.
        engine: the user.
        report: gets counts.
        name: a name for the fresh objects' batch.
        refusals: gets what the server itself said about the change, by name; these may be refused.
    """
    batch.start()
    batch.use(0)
    batch.run("first apply", "apply")
    fresh = _fresh(batch, engine, report, name)
    refusals |= server_refusals(batch, engine, version=1)
    batch.use(1)
    _change(batch, "change", "apply", set(refusals))
    _compare(batch, "change", fresh)
    said = batch.run("diff after the change", "diff", codes=(0, 1))
    for case in batch.cases:
        if batch.identity(case) in said.diffs:
            batch.find("a diff after an apply shows nothing", case, f"after the change: {said.diffs[batch.identity(case)]}")
    batch.use(0)
    expected = {case.name for case in batch.cases if not is_changeable(case)} | set(server_refusals(batch, engine, version=0))
    batch.run("replace", "replace", expected=expected)
    before = batch.live()
    time.sleep(_SECOND)
    said = batch.run("second replace", "replace")
    for case_name, text in batch.changed(before, batch.live(), said).items():
        batch.find("a second replace writes nothing", next(case for case in batch.cases if case.name == case_name), text)
    said = batch.run("diff after the replace", "diff", codes=(0, 1))
    for case in batch.cases:
        if batch.identity(case) in said.diffs:
            batch.find("a diff after a replace shows nothing", case, said.diffs[batch.identity(case)])
    expected = set(server_refusals(batch, engine, version=1))
    batch.use(1)
    _change(batch, "change back after the replace", "apply", expected)
    _compare(batch, "change back after the replace", fresh)
    batch.end()
    return batch.findings


def is_changeable(case: Case) -> bool:
    """Returns whether a kind may be replaced as a whole: a Pod, a Job or a claim may not."""
    return case.kind.resource.kind not in ("Pod", "Job", "PersistentVolumeClaim", "PersistentVolume")


_FINAL = ("immutable", "may not", "cannot", "can not", "forbidden", "must not", "updates to", "not allowed", "not change", "field is", "less than")


def server_refusals(batch: Batch, engine: Engine, version: int) -> dict[str, str]:
    """Returns the cases that the server lets nobody change to a version, with its words.

    It is asked with an Update of the whole object, which does not depend on who owns fields.
    """
    found = {}
    for case, live in zip(batch.cases, batch.live().values(), strict=True):
        if live is None:
            continue
        wanted = case.manifest(version, batch.place)
        body = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}
        try:
            engine.client.request("PUT", case.kind.resource.path(case.place(batch.place), case.name), body=body, query={"dryRun": "All"})
        except TurnupError as error:
            if any(word in str(error).lower() for word in _FINAL):
                found[case.name] = str(error)
    return found
