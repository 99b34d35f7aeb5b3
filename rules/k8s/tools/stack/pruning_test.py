"""Tests of what is pruned, exactly previous minus current, and of the inventory."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, document
from rules.k8s.testing.plans import namespace as making
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Identity, identity
from rules.k8s.tools.objects.plan import Entry, Plan
from rules.k8s.tools.stack.inventory import ApplySetParent, Inventory, applyset_id, find_predecessor
from rules.k8s.tools.stack.members import Member, pack, unpack
from rules.k8s.tools.stack.pruning import former_members_note, members_to_record, sort_former_members
from rules.k8s.tools.stack.stack_location import SHARED_NAMESPACE, StackLocation, locate_stack, parent_name


def member(name: str, target: str = "//a:dev", kind: str = "ConfigMap", **fields) -> Member:
    """Returns a member in namespace dev."""
    return Member(Identity("", kind, "dev", name), "v1", target, **fields)


def named(*members: Member) -> dict[Identity, Member]:
    """Returns members by identity."""
    return {each.identity: each for each in members}


def test_pruned_is_previous_minus_current():
    """For random sets, the parts are disjoint and together are the previous set without the current one."""
    draw = random.Random(11)
    for _ in range(1000):
        everything = [member(f"o{number}", draw.choice(["//a:dev", "//b:dev", "//c:dev"]), base=draw.choice(["", "", "x"])) for number in range(12)]
        previous = named(*draw.sample(everything, draw.randint(0, 12)))
        current = {each.identity for each in draw.sample(everything, draw.randint(0, 12))}
        elsewhere = {each.identity for each in draw.sample(everything, draw.randint(0, 6))}
        targets = draw.sample(["//a:dev", "//b:dev", "//c:dev"], draw.randint(0, 3))
        bases = [("ConfigMap", "dev", "x")] if draw.random() < 0.5 else []
        found = sort_former_members(previous, current, targets, elsewhere, bases)

        parts = [{each.identity for each in part} for part in (found.prunable, found.released, found.generations)]
        assert set().union(*parts) == previous.keys() - current
        assert sum(map(len, parts)) == len(previous.keys() - current)
        assert all(each.identity in elsewhere and each.target not in targets for each in found.released)
        assert all(each.base and bases for each in found.generations)


def test_dependents_go_first():
    """Of two targets of the stack, the dependent's objects are deleted first; those of a removed target are deleted last."""
    found = sort_former_members(
        named(member("a", "//redis:dev"), member("b", "//server:dev"), member("c", "//gone:dev")),
        [],
        ["//redis:dev", "//server:dev"],
        order=["//redis:dev", "//server:dev"],
    )

    assert [each.identity.name for each in found.prunable] == ["b", "a", "c"]


def test_empty_set_prunes_all():
    """A stack that no longer contains anything prunes everything that it had."""
    had = named(member("a"), member("b"))

    assert {each.identity for each in sort_former_members(had, [], []).prunable} == had.keys()


def test_sentence_names_what_left():
    """The note names the first five objects and the command that deletes them."""
    assert former_members_note("//svc:dev", []) == ""
    assert former_members_note("//svc:dev", [member("a")]) == (
        "//svc:dev: 1 object left the stack: ConfigMap dev/a; delete it with 'bazel run //svc:dev.apply -- --prune'."
    )
    assert "ConfigMap dev/o4 and 2 more; delete them" in former_members_note("//svc:dev", [member(f"o{number}") for number in range(7)])


def test_sentence_names_the_flags_that_delete():
    """The note includes --delete-data for what may hold data of others, because --prune alone keeps it."""
    claim = member("pvc", kind="PersistentVolumeClaim")
    assert former_members_note("//svc:dev", [claim]).endswith("delete it with 'bazel run //svc:dev.apply -- --prune --delete-data'.")
    assert former_members_note("//svc:dev", [claim, member("a")]).endswith(
        "delete them with 'bazel run //svc:dev.apply -- --prune'; add '--delete-data' to delete what may hold data of others as well (PersistentVolumeClaim)."
    )


@pytest.mark.parametrize("value", ["Not A NS", "", "a/b", "-a", "x" * 64])
def test_moved_from_takes_only_namespaces(shell, value):
    """A name that a namespace cannot have is a usage error."""
    shell.make(config_map("a"))

    assert shell.run("apply", "--prune", f"--moved-from={value}") == 2
    assert f"{value!r} is not the name of a namespace" in shell.err


@pytest.mark.parametrize("verb", ["apply", "diff", "delete"])
def test_moved_from_a_namespace_without_the_stack_is_named(shell, server, verb):
    """A namespace that has nothing of the stack is named."""
    shell.make(config_map("a"))

    shell.run(verb, "--moved-from=elsewhere")
    assert shell.err.count(f"{LABEL}: nothing of this stack was found in elsewhere; check the namespace after --moved-from") == 1


def test_recorded_keeps_known_uids():
    """Members that were not written keep their UID; members that left and remain are listed as such."""
    before = named(member("a", uid="1"), member("b", uid="2"))
    found = members_to_record(before, [member("a"), member("c", uid="3")], [member("b", uid="2")])

    assert {identity.name: (each.uid, each.present) for identity, each in found.items()} == {"a": ("1", True), "b": ("2", False), "c": ("3", True)}


def test_list_survives_packing():
    """Members can be unpacked, equal members give equal text, and five thousand fit into a ConfigMap."""
    draw = random.Random(3)
    members = named(
        *(
            member(
                f"name-{number}",
                f"//service{number % 50}:dev",
                uid=f"{draw.getrandbits(128):032x}",
                present=number % 7 > 0,
                labeled=number % 5 > 0,
                base="x" * (number % 2),
            )
            for number in range(5000)
        )
    )
    text = pack(members.values())

    assert unpack(text, "here") == members
    assert pack(reversed(list(members.values()))) == text
    assert len(text) < 1_000_000


@pytest.mark.parametrize("text", ["", "%%%", "aGVsbG8=", pack([])[:-4]])
def test_damaged_list_is_one_sentence(text):
    """A list that somebody changed is refused, and the error says what to do."""
    with pytest.raises(TurnupError, match="here: the list is damaged; delete it"):
        unpack(text, "here")


def test_names_and_ids():
    """Names are DNS labels for any target; the id is that of KEP-3659."""
    for label in ("//svc:myns-deep", "//a/very/" + "long/" * 20 + ":dev", "@repo//X_Y:dev"):
        assert len(parent_name(label)) <= 63 and parent_name(label).replace("-", "").isalnum() and parent_name(label) == parent_name(label).lower()
    assert len({parent_name(label) for label in ("//a:b-c", "//a:b_c", "//a/b:c")}) == 3
    # The middle is what `printf name.ns.ConfigMap. | openssl dgst -sha256 -binary | basenc --base64url` gives.
    assert applyset_id("name", "ns") == "applyset-42YS2ob3sik94RyWjkwp4PH1yZS6H5k6StaopNs0l5I-v1"


def test_first_stack_keeps_the_label():
    """An object in two stacks carries the label of the stack that had it first, until that one drops it."""
    shared = member("a")
    first = ApplySetParent("//svc:dev-deep", "dev", named(shared))
    own = ApplySetParent("//redis:dev-deep", "dev", {}, exists=False)

    assert Inventory(own, others=(first,)).part_of(shared.identity) == first.id
    left = ApplySetParent("//svc:dev-deep", "dev", named(member("a", present=False)))
    assert Inventory(own, others=(left,)).part_of(shared.identity) == own.id
    mine = ApplySetParent("//redis:dev-deep", "dev", named(shared))
    assert Inventory(mine, others=(first,)).part_of(shared.identity) == mine.id


def entry(label: str, place: str, *objects: dict) -> Entry:
    """Returns one k8s_object of a plan."""
    return Entry(label, "", (), document(label, objects, namespace=place))


@pytest.mark.parametrize(
    ("entries", "namespace", "namespaces"),
    [
        ([entry("//a:x", "dev", config_map("a"))], "dev", None),
        ([entry("//a:x", "dev")], "dev", None),
        ([entry("//a:x", "jane", making("jane"), config_map("a", "jane"))], SHARED_NAMESPACE, ("jane",)),
        ([entry("//a:x", "dev", config_map("a")), entry("//b:x", "jane", config_map("b", "jane"))], SHARED_NAMESPACE, ("dev", "jane")),
        ([entry("//a:x", "dev", config_map("a")), entry("//b:x", "jane")], "dev", None),
        ([entry("//a:x", "", config_map("a", "jane"), config_map("b"))], SHARED_NAMESPACE, ("dev", "jane")),
        ([entry("//a:x", "", config_map("a", "jane"))], "jane", None),
        ([entry("//a:x", "", making("jane"))], SHARED_NAMESPACE, ()),
        ([], SHARED_NAMESPACE, ()),
    ],
)
def test_where_a_list_lives(entries, namespace, namespaces):
    """An inventory is in the stack's only namespace, named after the label; or in kube-system, where its name also depends on the namespaces."""
    plan = Plan("//a:deep", "", None, tuple(entries), (), ())
    items = [Item(each.label, obj, Resource(obj["apiVersion"], obj["kind"], "", True), identity(obj)) for each in entries for obj in each.objects]
    location = locate_stack(plan, items)

    assert (location.namespace, location.hashed_namespaces) == (namespace, namespaces)
    assert (location.name == parent_name("//a:deep")) is (namespaces is None)
    built = replace(plan, entries=(), built=tuple(entries))
    assert locate_stack(built, items) == location


def test_a_stack_takes_over_only_an_inventory_that_is_certainly_its_own():
    """For random sets, a stack takes over the only inventory with a superset or subset of its namespaces, or one that the user names."""
    draw = random.Random(5)
    names = ["a", "b", "c", "d"]
    for _ in range(2000):
        own = frozenset(draw.sample(names, draw.randint(1, 3)))
        location = StackLocation("//a:deep", SHARED_NAMESPACE, tuple(sorted(own)))
        theirs = {tuple(sorted(draw.sample(names, draw.randint(1, 3)))) for _ in range(draw.randint(0, 3))} - {location.namespaces}
        others = [ApplySetParent("//a:deep", SHARED_NAMESPACE, named(member("x")), namespaces=namespaces) for namespaces in sorted(theirs)]
        here = ApplySetParent("//a:deep", SHARED_NAMESPACE, {}, exists=draw.random() < 0.3, namespaces=location.namespaces)
        former = frozenset(draw.sample(names, draw.choice([0, 0, 1])))
        found = find_predecessor(
            here, others, location, [Item("//a:dev", config_map("x"), Resource("v1", "ConfigMap", "configmaps", True), identity(config_map("x")))], former
        )

        near = [each for each in others if each.known_namespaces <= own or own <= each.known_namespaces]
        if former:
            assert found is None or found.known_namespaces - former <= own or own <= found.known_namespaces - former
        else:
            assert found == (near[0] if len(near) == 1 and not here.exists else None)
