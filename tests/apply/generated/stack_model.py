"""A model of stacks: what a verb leaves on the cluster, as plain sets. It says what the README of rules/k8s promises, in few lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]
"""(kind, name on the cluster)."""


@dataclass(frozen=True)
class Thing:
    """An object of a target, as BUILD files and manifests decide it.

    Attributes:
        kind: its kind.
        name: its name in the manifest.
        value: its content.
        keep: whether it has the annotation that keeps it when it leaves.
    """

    kind: str
    name: str
    value: str
    keep: bool = False

    @property
    def hashed(self) -> bool:
        """Whether it is applied under a content-hashed name."""
        return self.kind == "Secret" or (self.kind == "ConfigMap" and self.name.startswith("h"))


@dataclass(frozen=True)
class Wanted:
    """An object of a set under its name on the cluster.

    Attributes:
        value: its content.
        target: the label that makes it.
        base: its name in the manifest if its name is content-hashed, else "".
        keep: whether it stays when it leaves.
    """

    value: str
    target: str
    base: str = ""
    keep: bool = False


Set = dict[Key, Wanted]
"""The objects of a closure."""


def _bases(wanted: Set) -> set[tuple[str, str]]:
    return {(key[0], each.base) for key, each in wanted.items() if each.base}


@dataclass
class Model:
    """What must be on the cluster, and what the stack knows.

    Attributes:
        live: the objects that exist, with what their manifest said last.
        listed: the keys that the stack's inventory lists.
        revisions: revision number → its set.
    """

    live: dict[Key, Wanted] = field(default_factory=dict)
    listed: set[Key] = field(default_factory=set)
    revisions: dict[int, Set] = field(default_factory=dict)

    def leaving(self, wanted: Set) -> set[Key]:
        """Returns what a prune with a set deletes: what is listed and not in it, except older generations of its configuration."""
        bases = _bases(wanted)
        return {key for key in self.listed - wanted.keys() if (key[0], self.live[key].base) not in bases or not self.live[key].base}

    def may_be_refused(self, wanted: Set) -> bool:
        """Returns whether the set has an object that exists, is not listed any more, and came from another target: one that was kept."""
        return any(key in self.live and key not in self.listed and self.live[key].target != each.target for key, each in wanted.items())

    def write(self, wanted: Set) -> None:
        """Applies a set without prune."""
        self.live |= wanted
        self.listed = (self.listed | {key for key, each in wanted.items() if not each.keep}) - {key for key, each in wanted.items() if each.keep}

    def remove(self, keys: set[Key]) -> None:
        """Deletes objects that the stack lists."""
        for key in keys:
            self.live.pop(key, None)
        self.listed -= keys

    def changes(self, wanted: Set) -> bool:
        """Returns whether an apply of a set writes an object."""
        return any(self.live.get(key) != each for key, each in wanted.items())

    def roll_back(self, goal: Set) -> None:
        """Applies a revision's set, and deletes what the newest set has beyond it, but no values that a rollback to that set needs."""
        newest = self.revisions[max(self.revisions)]
        bases = _bases(goal)
        added = {key for key, each in newest.items() if key not in goal and not each.keep and (key[0], each.base) not in bases and key[0] != "Secret"}
        # A revision has no values of Secrets, so those that exist stay as they are.
        kept = {key: self.live[key] for key in goal if key[0] == "Secret" and key in self.live}
        self.write(goal)
        self.live |= kept
        self.remove(added & self.listed)

    def lacks_secret(self, goal: Set) -> bool:
        """Returns whether a rollback needs a Secret that is gone."""
        return any(key[0] == "Secret" and key not in self.live for key in goal)

    def delete(self, wanted: Set) -> None:
        """Deletes a set, the generations of its configuration, what left before, and the history."""
        bases = _bases(wanted)
        gone = self.listed | wanted.keys() | {key for key, each in self.live.items() if each.base and (key[0], each.base) in bases}
        self.remove(gone)
        self.listed = set()
        self.revisions = {}


@dataclass
class Step:
    """A state of the BUILD files and manifests, and a verb.

    Attributes:
        targets: label → (labels it depends on, its objects), dependencies first.
        verb: the verb.
        arguments: its arguments; `--to=#N` stands for the Nth revision, counted in a circle.
        kill: the request after which the run is killed, and the seconds until then; None for a run that is not.
    """

    targets: dict[str, tuple[list[str], list[Thing]]]
    verb: str
    arguments: list[str]
    kill: tuple[int, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Returns the step as JSON."""
        targets = {
            label: {"deps": deps, "objects": [[each.kind, each.name, each.value, each.keep] for each in things]}
            for label, (deps, things) in self.targets.items()
        }
        return {"targets": targets, "verb": self.verb, "arguments": self.arguments, "kill": self.kill}

    @staticmethod
    def of(plain: dict[str, Any]) -> Step:
        """Returns the step that `plain` described."""
        targets = {label: (list(each["deps"]), [Thing(*values) for values in each["objects"]]) for label, each in plain["targets"].items()}
        return Step(targets, plain["verb"], list(plain["arguments"]), tuple(plain["kill"]) if plain["kill"] else None)
