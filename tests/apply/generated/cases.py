"""Cases: generated objects under test, the findings about them, and how a finding is told and kept."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules.k8s.tools.objects.objects import Identity, group_of
from tests.apply.generated.engine import Object
from tests.apply.generated.schemas import Kind
from tests.apply.generated.server_filter import placed

# Namespaced kinds that act on other objects of their namespace, and so have one of their own.
_APART = frozenset({"LimitRange", "ResourceQuota"})

# What the engine may refuse although the server takes it once; each sentence has to name the object, too.
INTENDED_REFUSALS = (
    re.compile(r"\bnull\b", re.IGNORECASE),
    # Two elements of a list with one key: the server overlooks it if one of them spells the key as null.
    re.compile(r"duplicate entries for key"),
    re.compile(r"metadata\.(uid|resourceVersion|generation|managedFields|creationTimestamp|selfLink|ownerReferences|generateName)|\bstatus\b"),
)


RUN_AGAIN = "bazel run //tests/apply/generated:replay -- THIS_FILE"
REFUSED = "is not refused"
"""Part of the name of the check of refusals."""


# A refusal quotes the server in parentheses.
_SERVER_WORDS = re.compile(r"^.*?\((.*)\).*$")


@dataclass
class Case:
    """An object, or two versions of one, that the server takes.

    Attributes:
        kind: its kind.
        versions: its versions, without a namespace.
    """

    kind: Kind
    versions: list[Object]

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.versions[0]["metadata"]["name"])

    def place(self, place: str) -> str:
        """Returns the namespace of the object, for a batch in a namespace."""
        if not self.kind.resource.namespaced:
            return ""
        return f"{place}-apart" if self.kind.resource.kind in _APART else place

    def manifest(self, version: int, place: str) -> Object:
        """Returns a version of the object as a user writes it, for a batch in a namespace."""
        return placed(self.versions[version], self.place(place))

    def identity(self, place: str) -> Identity:
        """Returns the object's identity in a batch."""
        return Identity(group_of(self.kind.resource.api_version), self.kind.resource.kind, self.place(place), self.name)

    def is_named_in(self, text: str) -> bool:
        """Returns whether a sentence names the object, or a generation of it under a content-hashed name."""
        return re.search(rf"(?<![\w.-]){re.escape(self.name)}(-[0-9a-f]{{10}})?(?![\w-])", text) is not None


@dataclass
class Finding:
    """Something that the engine promises and that did not hold.

    Attributes:
        check: what should have held.
        case: the object.
        detail: what was found instead.
    """

    check: str
    case: Case
    detail: str

    def words(self) -> str:
        """Returns what the server said in a refusal, without names, labels and numbers."""
        text = re.sub(r"Nothing was (written|sent)\.|//\S+|\(.*?\d+.*?\)|\d+", "", _SERVER_WORDS.sub(r"\1", self.detail).replace(self.case.name, ""))
        return " ".join(text.replace(self.case.kind.resource.kind, "").split())

    def key(self) -> tuple[str, str]:
        """What makes two findings alike before they are shrunk."""
        return self.check, re.sub(r"Gen\d+$", "Gen", self.case.kind.title)


@dataclass
class Known:
    """A finding with its smallest input.

    Attributes:
        finding: the finding.
        seed: the seed of the run.
        step: the batch or step that found it.
        times: how often it was found.
        file: where its reproduction is.
    """

    finding: Finding
    seed: int
    step: str
    times: int = 1
    file: str = ""

    def explains(self, other: Finding) -> bool:
        """Returns whether another finding has the same check and contains this one's input."""
        mine, theirs = self.finding.case, other.case
        if REFUSED in self.finding.check and REFUSED in other.check:
            # The same words about another kind or name, or at another step, are the same fault.
            return self.finding.words() == other.words()
        return self.finding.key() == other.key() and all(_is_part(a, b) for a, b in zip(mine.versions, theirs.versions, strict=True))


def _is_part(part: Any, whole: Any, *, top: bool = True) -> bool:
    """Returns whether every field of a value is in another one; names of objects do not count."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all((top and key == "name") or (key in whole and _is_part(value, whole[key], top=key == "metadata")) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(_is_part(item, other, top=False) for other in whole) for item in part) and bool(part) == bool(whole)
    return bool(part == whole) and isinstance(part, bool) == isinstance(whole, bool)


@dataclass
class Report:
    """What a run of the generated tests found.

    Args:
        folder: where reproductions are written.
        seed: the seed of the run.

    Attributes:
        known: the distinct findings.
        counts: numbers to print.
        refusals: sentences of intended refusals, with how often each came.
    """

    folder: Path
    seed: int
    known: list[Known] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Adds to a number."""
        self.counts[what] = self.counts.get(what, 0) + number

    def refuse(self, finding: Finding) -> None:
        """Counts an intended refusal."""
        text = finding.words()[:160]
        self.refusals[text] = self.refusals.get(text, 0) + 1

    def find(self, finding: Finding) -> Known | None:
        """Returns the known finding that explains another one, and counts it."""
        found = next((each for each in self.known if each.explains(finding)), None)
        if found:
            found.times += 1
        return found

    def add(self, finding: Finding, step: str, definition: Object | None) -> Known:
        """Keeps a new finding, and writes its reproduction."""
        known = Known(finding, self.seed, step)
        kind = finding.case.kind
        path = self.folder / f"finding-{len(self.known) + 1:03d}.json"
        path.write_text(
            json.dumps(
                {
                    "check": finding.check,
                    "found": finding.detail,
                    "seed": self.seed,
                    "step": step,
                    "run_again": RUN_AGAIN,
                    "kind": kind.title,
                    "definition": definition,
                    "versions": finding.case.versions,
                },
                indent=1,
                ensure_ascii=False,
            )
        )
        known.file = str(path)
        self.known.append(known)
        print(f"FOUND {self.text(known)}", flush=True)
        return known

    def summary(self) -> str:
        """Returns the numbers of the run, and the intended refusals."""
        refusals = "".join(f"\n  {times} times: {text}" for text, times in sorted(self.refusals.items()))
        return f"seed {self.seed}: {', '.join(f'{number} {what}' for what, number in self.counts.items())}{refusals}"

    def text(self, known: Known) -> str:
        """Returns a finding as a paragraph."""
        case = known.finding.case
        versions = "\n".join(f"    v{index + 1}: {json.dumps(obj, ensure_ascii=False)}" for index, obj in enumerate(case.versions))
        return f"{known.finding.check} ({case.kind.title}, {known.step}, seed {known.seed}): {known.finding.detail}\n{versions}\n    {known.file}"
