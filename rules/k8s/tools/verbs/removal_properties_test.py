"""Random histories of stacks against a model: what every verb leaves on the cluster, and that no list forgets or invents an object.

The sets of a history drop, add and move objects, rename targets, empty them, and change what depends on what. The fake API
server runs the verbs; //tests/apply has the same with a real one.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, document
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.members import unpack_listing

SEEDS = int(os.environ.get("HISTORIES") or 16)
STEPS = 12
CONFIG_MAPS = "/api/v1/namespaces/dev/configmaps/"


@dataclass
class Target:
    """A k8s_object of a random set.

    Attributes:
        label: its label, which changes when it is renamed.
        deps: labels of the targets that it depends on.
        plain, kept: names of its ConfigMaps; those in `kept` are annotated to stay.
        hashed: name in the manifest → value of its ConfigMaps under content-hashed names.
    """

    label: str
    deps: list[str] = field(default_factory=list)
    plain: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    hashed: dict[str, str] = field(default_factory=dict)

    def objects(self) -> list[dict[str, Any]]:
        """Returns its objects as the build makes them."""
        made = [config_map(name) for name in sorted(self.plain | self.kept)]
        for obj in made:
            obj["metadata"]["annotations"] = {"turnup/stable-name": "true"} | ({"turnup/on-remove": "keep"} if obj["metadata"]["name"] in self.kept else {})
        return hash_names([*made, *(config_map(name, value=value) for name, value in sorted(self.hashed.items()))])


class RandomSet:
    """A set of targets that changes at random; targets are in the order of their dependencies."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.count = 0
        self.targets = [Target(f"//t{index}:dev") for index in range(5)]
        for name in "abcdef":
            draw.choice(self.targets).plain.add(name)
        for name in "kl":
            draw.choice(self.targets).kept.add(name)
        for name in "xyz":
            draw.choice(self.targets).hashed[name] = "1"
        self.connect()

    def connect(self) -> None:
        """Draws the dependencies again; a target depends only on those before it."""
        for index, target in enumerate(self.targets):
            target.deps = sorted(other.label for other in self.draw.sample(self.targets[:index], self.draw.randint(0, min(2, index))))

    def change(self) -> None:
        """Changes one to four things."""
        for _ in range(self.draw.randint(1, 4)):
            self.draw.choice([self.drop, self.add, self.move, self.rename, self.alter, self.empty, self.connect])()

    def drop(self) -> None:
        """Drops an object of a target."""
        target = self.draw.choice(self.targets)
        if names := sorted(target.plain | target.kept | target.hashed.keys()):
            name = self.draw.choice(names)
            target.plain.discard(name)
            target.kept.discard(name)
            target.hashed.pop(name, None)

    def add(self) -> None:
        """Adds an object that no target has."""
        target = self.draw.choice(self.targets)
        kind, name = self.draw.choice([("plain", name) for name in "abcdef"] + [("hashed", name) for name in "xyz"] + [("kept", name) for name in "kl"])
        if not any(name in each.plain | each.kept | each.hashed.keys() for each in self.targets):
            if kind == "hashed":
                target.hashed[name] = "1"
            else:
                (target.plain if kind == "plain" else target.kept).add(name)

    def move(self) -> None:
        """Moves an object to another target."""
        one, other = self.draw.sample(self.targets, 2)
        for mine, theirs in ((one.plain, other.plain), (one.kept, other.kept)):
            if mine:
                theirs.add(name := min(mine))
                mine.remove(name)
        if one.hashed:
            other.hashed |= [one.hashed.popitem()]

    def rename(self) -> None:
        """Gives a target another label."""
        target = self.draw.choice(self.targets)
        self.count += 1
        former, target.label = target.label, f"//renamed{self.count}:dev"
        for other in self.targets:
            other.deps = sorted(target.label if dep == former else dep for dep in other.deps)

    def alter(self) -> None:
        """Gives a content-hashed object another content."""
        target = self.draw.choice(self.targets)
        for name in target.hashed:
            target.hashed[name] = str(self.draw.randint(1, 9))

    def empty(self) -> None:
        """Leaves a target without objects."""
        target = self.draw.choice(self.targets)
        target.plain.clear()
        target.hashed.clear()

    def use(self, shell) -> None:
        """Writes the plan of the deep stack."""
        shell.make_targets(*(document(target.label, target.objects()) for target in self.targets), deps={target.label: target.deps for target in self.targets})

    def use_part(self, shell, label: str) -> None:
        """Writes the plan of the shallow stack of one target."""
        target = next(target for target in self.targets if target.label == label)
        shell.make_targets(document(label, target.objects()), label=label)


@dataclass(frozen=True)
class State:
    """One set as the model sees it.

    Attributes:
        names: names on the cluster of its ConfigMaps.
        kept: those that are annotated to stay.
        bases: name on the cluster → name in the manifest, of those under content-hashed names.
        content: equal for sets that are one revision.
    """

    names: frozenset[str]
    kept: frozenset[str]
    bases: dict[str, str]
    content: str

    @staticmethod
    def of(current: RandomSet) -> State:
        """Returns the present state of a random set."""
        objects = [obj for target in current.targets for obj in target.objects()]
        bases = {
            obj["metadata"]["name"]: obj["metadata"]["annotations"]["turnup/base-name"]
            for obj in objects
            if "turnup/base-name" in obj["metadata"].get("annotations", {})
        }
        kept = frozenset(name for target in current.targets for name in target.kept)
        content = repr([(target.label, target.deps, target.objects()) for target in current.targets if target.objects()])
        return State(frozenset(obj["metadata"]["name"] for obj in objects), kept, bases, content)


class Model:
    """What a stack should have on the cluster.

    Attributes:
        live: all ConfigMaps.
        listed: those that the stack lists; kept ones are not among them.
        bases: name on the cluster → name in the manifest, of everything ever applied.
        revisions: the sets of its history, oldest first.
    """

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.listed: set[str] = set()
        self.bases: dict[str, str] = {}
        self.revisions: list[State] = []

    def apply(self, state: State, prune: Any = None) -> None:
        """Applies a set, and deletes what `prune` returns True for of what was listed and left it."""
        self.bases |= state.bases
        self.live |= state.names
        left = self.listed - state.names
        gone = {name for name in left if self.bases.get(name) not in state.bases.values() and prune and prune(name)}
        self.live -= gone
        self.listed = (self.listed - gone - state.kept) | (state.names - state.kept)
        if not self.revisions or self.revisions[-1].content != state.content:
            self.revisions = [*self.revisions, state][-history.KEEP :]

    def rollback(self) -> State | None:
        """Rolls back; returns the set, or None if there is nothing to roll back to."""
        newest = self.revisions[-1] if self.revisions else None
        found = [state for state in self.revisions if newest and state.content != newest.content]
        if not newest or not found:
            return None
        state = found[-1]
        added = set(newest.bases.values()) - set(state.bases.values())
        self.apply(state, lambda name: name in newest.names or self.bases.get(name) in added)
        return state

    def delete(self, state: State) -> None:
        """Deletes the stack."""
        self.live -= self.listed | state.names
        self.listed = set()
        self.revisions = []


def maps(server) -> set[str]:
    """Returns the names of the ConfigMaps without the stacks' inventories."""
    found = {path.removeprefix(CONFIG_MAPS) for path in server.paths() if path.startswith(CONFIG_MAPS)}
    return {name for name in found if not name.startswith("turnup-")}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_verb_leaves_exactly_what_the_model_says(shell, server, seed):
    """In any history of one stack, apply, prune, rollback and delete leave exactly the modelled objects, and name no other."""
    draw = random.Random(seed)
    current, model = RandomSet(draw), Model()
    for step in range(STEPS):
        verb = draw.choice(["apply", "prune", "prune", "rollback", "delete"] if step else ["apply"])
        if verb in ("apply", "prune"):
            current.change()
        current.use(shell)
        state = State.of(current)
        where = f"seed {seed}, step {step}, {verb}"
        if verb == "rollback":
            wanted = model.rollback()
            assert shell.run("rollback") == (1 if wanted is None else 0), f"{where}: {shell.err}"
        elif verb == "delete":
            # The kept objects of an earlier set are nobody's after a delete.
            if model.live & {"k", "l"} - state.kept:
                continue
            model.delete(state)
            assert shell.run("delete") == 0, f"{where}: {shell.err}"
            assert not [path for path in server.paths() if "/turnup-" in path], where
        else:
            assert shell.run("apply", *(["--prune"] if verb == "prune" else [])) == 0, f"{where}: {shell.err}"
            model.apply(state, (lambda name: True) if verb == "prune" else None)
        assert maps(server) == model.live, f"{where}: {shell.err}"


def lists(server) -> dict[str, Any]:
    """Returns what each inventory contains, by its name."""
    names = [path.removeprefix(CONFIG_MAPS) for path in server.paths() if path.startswith(CONFIG_MAPS + "turnup-")]
    return {name: unpack_listing(server.get(config_map(name))["binaryData"]["members"], name) for name in names}


def check_lists(server, where: str) -> None:
    """Checks that each list names only what exists, with its UID, and that each object is in a list."""
    live = {name: server.get(config_map(name)) for name in maps(server)}
    found = set()
    for name, listing in lists(server).items():
        for identity, member in {**listing.kept, **listing.members}.items():
            if identity in listing.members:
                assert identity.name in live, f"{where}: {name} lists {identity}, which does not exist"
                assert member.uid == live[identity.name]["metadata"]["uid"], f"{where}: {name} has another UID of {identity}"
            found.add(identity.name)
    assert live.keys() <= found, f"{where}: no list has {live.keys() - found}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_lists_of_deep_and_shallow_stacks_stay_true(shell, server, seed):
    """In any history of a deep stack and its parts, every list is true and no object is in no list.

    What one of the stacks made under a name that its target no longer has is not the other stack's own, so an apply may be refused.
    """
    draw = random.Random(1000 + seed)
    current = RandomSet(draw)
    for target in current.targets:
        target.kept.clear()
    current.add = current.move  # type: ignore[method-assign]  # No kept objects: what is nobody's by intention is in no list.
    for step in range(STEPS):
        deep = draw.random() < 0.6
        label = LABEL if deep else draw.choice(current.targets).label
        verb = draw.choice(["apply", "prune", "prune", "delete", "rollback"])
        if verb in ("apply", "prune"):
            current.change()
            label = LABEL if deep else draw.choice(current.targets).label
        current.use(shell) if label == LABEL else current.use_part(shell, label)
        where = f"seed {seed}, step {step}, {verb} of {label}"
        code = shell.run("apply", "--prune") if verb == "prune" else shell.run(verb)
        assert code == 0 or verb == "rollback" or " belongs to //" in shell.err, f"{where}: {shell.err}"
        check_lists(server, where)
