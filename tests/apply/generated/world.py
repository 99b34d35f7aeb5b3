"""The world of the generated tests: the server's kinds, the generator, and runs of many generated objects against the engine."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.apply.generated.cases import Case, Finding, Report
from tests.apply.generated.definitions import GROUP, definition, install
from tests.apply.generated.engine import Engine, Object
from tests.apply.generated.hints import name_of
from tests.apply.generated.object_trials import Batch, try_objects, try_pairs
from tests.apply.generated.schemas import Kind, read_kinds
from tests.apply.generated.server_filter import PROBE, Filter, drop
from tests.apply.generated.shrinking import paths_of, shrink
from tests.apply.generated.values import Values

# Their names are part of their content, or they are few: they are not shrunk.
_NAMED = frozenset({"APIService", "CustomResourceDefinition", "IPAddress"})
_TELL = 20
_DENSITIES = (0.05, 0.15, 0.3, 0.5)


@dataclass
class Budget:
    """How long a run may shrink what it finds.

    Attributes:
        shrinks: the seconds that one finding is shrunk for.
        shrinking: the seconds for shrinking in all.
    """

    shrinks: float = 15.0
    shrinking: float = 60.0


class World:
    """The server's kinds, a generator and a user.

    Args:
        engine: the user.
        report: gets findings and counts.
        number: how many definitions of custom resources to generate.
        budget: how long to shrink.
        definitions: more definitions.

    Attributes:
        report: gets findings and counts.
        budget: how long to shrink.
        kinds: the kinds that the generator fills, each with an object that the server takes.
        unfilled: titles of the kinds that it cannot fill.
        not_stored: titles of the kinds that nobody can apply.
        made: how many objects of each kind were generated.
    """

    def __init__(self, engine: Engine, report: Report, number: int, budget: Budget, definitions: Sequence[Object] = ()) -> None:
        client = engine.client
        self._engine = engine
        self.budget = budget
        self.report = report
        self.dice = random.Random(report.seed)
        self._definitions = [*definitions, *(definition(each, random.Random(report.seed + each)) for each in range(number))]
        install(client, self._definitions)
        engine.create_namespace(PROBE)
        self.values = Values(self.dice)
        self.filter = Filter(client, self.values)
        stored, self.not_stored = read_kinds(client)
        bases = [(kind, self.filter.base(kind, "base-")) for kind in stored]
        self.kinds = [(kind, base) for kind, base in bases if base is not None]
        self.unfilled = [kind.title for kind, base in bases if base is None]
        self.made = dict.fromkeys((kind.title for kind, _ in self.kinds), 0)
        self._batches = 0

    def definition_of(self, kind: Kind) -> Object | None:
        """Returns the generated definition of a kind, None for a kind of the server itself."""
        names = [each for each in self._definitions if each["spec"]["names"]["kind"] == kind.resource.kind]
        return names[0] if names and kind.resource.api_version.startswith(GROUP) else None

    def _named(self, kind: Kind, obj: Object, name: str) -> Object:
        """Returns an object under another name, with the fields that depend on it."""
        named = copy.deepcopy(obj)
        if kind.resource.kind in _NAMED:
            base = self.values.base(kind, name)
            named = {**base, "metadata": {**obj["metadata"], "name": name}}
        named["metadata"]["name"] = name
        return named

    def _grown(self, kind: Kind, obj: Object) -> Object | None:
        grown, added = self.values.grow(kind, obj, self.dice.choice(_DENSITIES))
        return self.filter.repair(kind, grown, added)

    def generate(self, count: int, *, pairs: bool = False) -> list[Case]:
        """Returns cases of all kinds in turn, or as many as the server takes."""
        self._batches += 1
        prefix, cases = f"b{self._batches}-", []
        for index in range(count):
            kind, base = self.kinds[(self._batches * 7 + index) % len(self.kinds)]
            first = self._grown(kind, self._named(kind, base, name_of(kind.resource.kind, prefix, index)))
            if first is None:
                self.report.count("generated objects that could not be repaired")
                continue
            versions = [first]
            if pairs:
                start = self.dice.choice((self._named(kind, base, first["metadata"]["name"]), first, self._pruned(first)))
                second = self._grown(kind, start)
                if second is None or second == first:
                    continue
                versions.append(second)
            cases.append(Case(kind, versions))
            self.made[kind.title] += 1
        return cases

    def _pruned(self, obj: Object) -> Object:
        """Returns an object without some of its fields."""
        pruned = copy.deepcopy(obj)
        for path in self.dice.sample(paths := paths_of(pruned), min(len(paths), self.dice.randint(1, 4))):
            drop(pruned, path)
        return pruned

    def try_objects(self, cases: Iterable[Case], name: str, *, stable: bool = True) -> list[Finding]:
        """Tries objects in one batch."""
        return try_objects(Batch(self._engine, self.report, name, cases, stable=stable))

    def try_pairs(self, cases: Iterable[Case], name: str) -> list[Finding]:
        """Tries pairs of versions in one batch."""
        return try_pairs(Batch(self._engine, self.report, name, cases), self._engine, self.report, f"{name}-fresh", {})

    def run_objects(self, number: int, size: int) -> None:
        """Generates and tries at least a number of objects, in batches of a size."""
        while self.report.counts.get("objects", 0) < number:
            cases = self.generate(size)
            name = f"gen-{self._batches}"
            self.report.count("objects", len(cases))
            started = time.monotonic()
            findings = self.try_objects(cases, name, stable=self._batches % 2 == 0)
            self.report.count("seconds of objects", round(time.monotonic() - started))
            self._keep(findings, name)
            self._tell()

    def run_pairs(self, number: int, size: int) -> None:
        """Generates and tries at least a number of pairs, in batches of a size."""
        while self.report.counts.get("pairs", 0) < number:
            cases = self.generate(size, pairs=True)
            name = f"pair-{self._batches}"
            self.report.count("pairs", len(cases))
            started = time.monotonic()
            findings = self.try_pairs(cases, name)
            self.report.count("seconds of pairs", round(time.monotonic() - started))
            self._keep(findings, name)
            self._tell()

    def _tell(self) -> None:
        """Prints the numbers so far, now and then."""
        if self._batches % _TELL == 0:
            print(self.report.summary(), flush=True)

    def _keep(self, findings: list[Finding], step: str) -> None:
        """Shrinks and keeps what is not known yet."""
        for index, finding in enumerate(findings):
            if self.report.find(finding):
                continue
            started = time.monotonic()
            smallest = finding
            if self.budget.shrinking > 0 and finding.case.kind.resource.kind not in _NAMED:
                smallest = self._shrink(finding, f"{step}-{index}")
            self.budget.shrinking -= time.monotonic() - started
            if not self.report.find(smallest):
                self.report.add(smallest, step, self.definition_of(finding.case.kind))

    def _shrink(self, finding: Finding, name: str) -> Finding:
        turn = 0
        pairs = len(finding.case.versions) > 1

        def rename(versions: list[Object], number: int) -> list[Object]:
            return [self._named(finding.case.kind, obj, f"s-{number}") for obj in versions]

        def takes(case: Case) -> bool:
            return all(self.filter.refusal(case.kind, obj) is None for obj in case.versions)

        def trial(cases: list[Case]) -> list[Finding]:
            nonlocal turn
            turn += 1
            place = f"{name}-{turn}"
            return self.try_pairs(cases, place) if pairs else self.try_objects(cases, place)

        return shrink(finding, rename, takes, trial, min(self.budget.shrinks, self.budget.shrinking))
