"""Random histories of a stack: changes of its build graph, each followed by a verb, some of which are killed."""

from __future__ import annotations

import random

from tests.apply.generated.stack_model import Step, Thing

_KINDS = ("ConfigMap", "ConfigMap", "Secret", "Service", "ServiceAccount", "Deployment")
_VERBS: list[tuple[int, str, list[str]]] = [
    (5, "apply", []),
    (6, "apply", ["--prune"]),
    (4, "rollback", ["--to=#"]),
    (2, "rollback", []),
    (2, "delete", []),
    (2, "replace", []),
]
# An undisturbed run of these small stacks sends about as many requests.
_REQUESTS = 32
_LATEST_S = 0.01


class Graph:
    """A build graph that changes at random.

    Args:
        dice: source of all choices.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._number = 0
        self._targets: dict[str, tuple[list[str], list[Thing]]] = {}
        for _ in range(dice.randint(1, 4)):
            self._add_target()
        for _ in range(dice.randint(2, 7)):
            self._add_thing()

    def targets(self) -> dict[str, tuple[list[str], list[Thing]]]:
        """Returns the present graph, dependencies first."""
        return {label: (list(deps), list(things)) for label, (deps, things) in self._targets.items()}

    def change(self) -> None:
        """Makes one change."""
        self._dice.choice(
            (
                self._add_thing,
                self._add_thing,
                self._remove_thing,
                self._remove_thing,
                self._change_thing,
                self._change_thing,
                self._toggle_keep,
                self._move_thing,
                self._move_thing,
                self._rename_target,
                self._add_target,
                self._remove_target,
                self._empty_target,
                self._connect,
            )
        )()

    def _label(self) -> str:
        self._number += 1
        return f"//t{self._number}:dev"

    def _any(self) -> tuple[str, int] | None:
        """Returns (label, index) of a random object."""
        found = [(label, index) for label, (_, things) in self._targets.items() for index in range(len(things))]
        return self._dice.choice(found) if found else None

    def _add_target(self) -> None:
        known = list(self._targets)
        self._targets[self._label()] = (self._dice.sample(known, self._dice.randint(0, min(2, len(known)))), [])

    def _add_thing(self) -> None:
        if not self._targets:
            self._add_target()
        thing = Thing(
            self._dice.choice(_KINDS), f"{self._dice.choice('hp')}{self._dice.randrange(5)}", str(self._dice.randrange(3)), keep=self._dice.random() < 0.1
        )
        if not any((thing.kind, thing.name) == (each.kind, each.name) for _, things in self._targets.values() for each in things):
            self._targets[self._dice.choice(list(self._targets))][1].append(thing)

    def _remove_thing(self) -> None:
        if found := self._any():
            del self._targets[found[0]][1][found[1]]

    def _change_thing(self) -> None:
        if found := self._any():
            things = self._targets[found[0]][1]
            old = things[found[1]]
            things[found[1]] = Thing(old.kind, old.name, str(self._dice.randrange(4)), old.keep)

    def _toggle_keep(self) -> None:
        if found := self._any():
            things = self._targets[found[0]][1]
            old = things[found[1]]
            things[found[1]] = Thing(old.kind, old.name, old.value, not old.keep)

    def _move_thing(self) -> None:
        if found := self._any():
            self._targets[self._dice.choice(list(self._targets))][1].append(self._targets[found[0]][1].pop(found[1]))

    def _rename_target(self) -> None:
        if self._targets:
            old, new = self._dice.choice(list(self._targets)), self._label()
            self._targets = {
                new if label == old else label: ([new if each == old else each for each in deps], things) for label, (deps, things) in self._targets.items()
            }

    def _remove_target(self) -> None:
        if len(self._targets) > 1:
            gone = self._dice.choice(list(self._targets))
            self._targets = {label: ([each for each in deps if each != gone], things) for label, (deps, things) in self._targets.items() if label != gone}

    def _empty_target(self) -> None:
        if self._targets:
            self._targets[self._dice.choice(list(self._targets))][1].clear()

    def _connect(self) -> None:
        labels = list(self._targets)
        if len(labels) > 1:
            index = self._dice.randrange(1, len(labels))
            deps, things = self._targets[labels[index]]
            self._targets[labels[index]] = (sorted({*deps, self._dice.choice(labels[:index])}), things)


def history(dice: random.Random, length: int, kills: float) -> list[Step]:
    """Returns a random history; the first step applies.

    Args:
        dice: source of all choices.
        length: the number of steps.
        kills: the share of steps that are killed.
    """
    graph, steps = Graph(dice), []
    for index in range(length):
        if index:
            for _ in range(dice.choice((0, 1, 1, 2, 3))):
                graph.change()
        _, verb, arguments = dice.choices(_VERBS, [weight for weight, _, _ in _VERBS])[0] if index else (0, "apply", [])
        arguments = [f"--to=#{dice.randrange(10)}" if each == "--to=#" else each for each in arguments]
        # Without --to, a rollback that was killed after its last write rolls back once more.
        can_be_killed = not (verb == "rollback" and not arguments)
        kill = (dice.randint(1, _REQUESTS), dice.choice((0.0, dice.uniform(0, _LATEST_S)))) if can_be_killed and dice.random() < kills else None
        steps.append(Step(graph.targets(), verb, arguments, kill))
    return steps
