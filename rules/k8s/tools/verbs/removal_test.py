"""Tests of what leaves a stack, by every verb that removes something, against the fake API server."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, document
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.stack.history import stack_id
from rules.k8s.tools.stack.inventory import parent_name
from rules.k8s.tools.stack.members import pack, unpack_listing

CONFIG_MAPS = "/api/v1/namespaces/dev/configmaps/"
OWNER = "turnup/target"


def use(shell, targets: dict[str, tuple[list[str], list[dict[str, Any]]]], label: str = LABEL) -> None:
    """Writes the plan of a stack: label of a target → (labels that it depends on, its objects), dependencies first."""
    documents = [document(target, objects) for target, (_, objects) in targets.items()]
    shell.make_targets(*documents, label=label, deps={target: deps for target, (deps, _) in targets.items()})


def apply(shell, targets: dict[str, tuple[list[str], list[dict[str, Any]]]], *options: str, label: str = LABEL) -> None:
    """Applies a stack."""
    use(shell, targets, label)
    assert shell.run("apply", *options) == 0, shell.err


def maps(server) -> set[str]:
    """Returns the names of the ConfigMaps without the stacks' inventories."""
    found = {path.removeprefix(CONFIG_MAPS) for path in server.paths() if path.startswith(CONFIG_MAPS)}
    return {name for name in found if not name.startswith("turnup-")}


def records(server) -> list[str]:
    """Returns the paths of all that stacks keep about themselves."""
    return [path for path in server.paths() if "/turnup-" in path]


def listing(server, label: str = LABEL):
    """Returns what the inventory of a stack contains."""
    return unpack_listing(server.get(config_map(parent_name(label)))["binaryData"]["members"], "here")


def kept(name: str) -> dict[str, Any]:
    """Returns a ConfigMap that nothing prunes."""
    obj = config_map(name)
    obj["metadata"]["annotations"] = {"turnup/on-remove": "keep"}
    return obj


def deletions(server) -> list[str]:
    """Returns the names of the ConfigMaps in the order in which they were deleted."""
    return [request.path.removeprefix(CONFIG_MAPS) for request in server.writes if request.method == "DELETE" and request.path.startswith(CONFIG_MAPS)]


def test_a_prune_deletes_what_a_dependency_dropped(shell, server):
    """An object that left a target is pruned although targets that depend on it have nothing to delete."""
    apply(shell, {"//a:dev": ([], [config_map("old")]), "//b:dev": (["//a:dev"], [config_map("b")]), "//c:dev": (["//b:dev"], [config_map("c")])})
    use(shell, {"//a:dev": ([], [config_map("new")]), "//b:dev": (["//a:dev"], [config_map("b")]), "//c:dev": (["//b:dev"], [config_map("c")])})

    assert shell.run("apply", "--prune") == 0, shell.err
    assert "deleted     ConfigMap dev/old: left the stack" in shell.err
    assert maps(server) == {"new", "b", "c"}
    assert shell.run("diff", "--prune") == 0, shell.out


def test_a_delete_passes_targets_without_objects(shell, server):
    """A target without objects between others does not stop a delete, and keeps their order."""
    apply(shell, {"//a:dev": ([], [config_map("a")]), "//b:dev": (["//a:dev"], []), "//c:dev": (["//b:dev"], [config_map("c")])})

    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and records(server) == []
    assert deletions(server)[:2] == ["c", "a"]


def test_a_rollback_deletes_what_a_dependency_got(shell, server):
    """What the newest set added to a target that others depend on goes with a rollback."""
    apply(shell, {"//a:dev": ([], [config_map("r1")]), "//b:dev": (["//a:dev"], [config_map("r2")])})
    apply(shell, {"//a:dev": ([], [config_map("r1"), config_map("r3")]), "//b:dev": (["//a:dev"], [config_map("r2")])})

    assert shell.run("rollback") == 0, shell.err
    assert maps(server) == {"r1", "r2"}


def test_targets_that_left_go_in_the_order_of_their_last_graph(shell, server):
    """Targets that left the stack are deleted dependents first, over one without objects, and whatever depends on them now."""
    graph = {"//d:dev": ([], [config_map("z")]), "//m:dev": (["//d:dev"], []), "//u:dev": (["//m:dev"], [config_map("a")])}
    apply(shell, {**graph, "//stays:dev": (["//u:dev"], [config_map("s")])})
    apply(shell, {"//stays:dev": ([], [config_map("s")])})
    apply(shell, {"//stays:dev": ([], [config_map("s", key="2")])}, "--prune")

    assert deletions(server) == ["a", "z"]


def test_a_cycle_in_the_recorded_graph_stops_nothing(shell, server):
    """If somebody has written a cycle into the recorded graph, its targets are deleted together, after their dependents."""
    apply(shell, {"//a:dev": ([], [config_map("a")]), "//b:dev": (["//a:dev"], [config_map("b")]), "//c:dev": (["//b:dev"], [config_map("c")])})
    parent = server.get(config_map(parent_name(LABEL)))
    cyclic = {"//a:dev": ["//b:dev"], "//b:dev": ["//a:dev"], "//c:dev": ["//b:dev"]}
    parent["binaryData"]["members"] = pack(listing(server).members.values(), graph=cyclic)
    server.put(parent)

    apply(shell, {"//x:dev": ([], [config_map("x")])}, "--prune")
    assert maps(server) == {"x"}
    assert deletions(server)[0] == "c"


def test_what_depends_on_a_failure_is_not_deleted(shell, server):
    """If the server refuses to delete a dependent, its dependency stays, both are errors, and the next run deletes both."""
    use_all = {"//a:dev": ([], [config_map("a")]), "//b:dev": ([], [config_map("b")]), "//u:dev": (["//a:dev"], [config_map("u")])}
    apply(shell, use_all)
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}) if request.method == "DELETE" and request.path.endswith("/u") else None
    )

    assert shell.run("delete") == 1
    assert maps(server) == {"a", "u"}
    assert "ConfigMap dev/a was not deleted, because //u:dev depends on it and ConfigMap dev/u of //u:dev is still there." in shell.err
    assert listing(server).members.keys() == {each for each in listing(server).members if each.name in ("a", "u")}
    server.refuse = lambda request: None
    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and records(server) == []


def test_delete_after_a_move_and_a_rename(shell, server):
    """Delete takes what the stack lists, although its target has another name now or it is in another target."""
    apply(shell, {"//t6:dev": ([], [config_map("m1"), config_map("m2")]), "//t2:dev": ([], [config_map("m3")])})
    use(shell, {"//t6:dev": ([], [config_map("m2")]), "//new:dev": ([], [config_map("m3"), config_map("m1")])})

    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and records(server) == []


def test_an_object_that_another_target_has_adopted_is_not_own(shell, server):
    """A listed object with the same UID that another target has taken over is neither applied, pruned nor deleted."""
    apply(shell, {"//t:dev": ([], [config_map("m"), config_map("n")])})
    for name in "mn":
        taken = server.get(config_map(name))
        taken["metadata"]["annotations"][OWNER] = "//other:dev"
        server.put(taken)
    use(shell, {"//new:dev": ([], [config_map("m")])})

    assert shell.run("apply") == 1 and "belongs to //other:dev" in shell.err
    assert shell.run("delete") == 0
    assert "kept        ConfigMap dev/m: was made by //other:dev" in shell.err and "kept        ConfigMap dev/n: was made by //other:dev" in shell.err
    assert maps(server) == {"m", "n"} and records(server) == []


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_a_rename_that_failed_half_way_goes_on(shell, server, verb):
    """If a run fails after it has listed objects under a new target and before it has written them, they are the stack's own."""
    apply(shell, {"//old:dev": ([], [config_map("a", key="1"), config_map("b", key="1"), kept("k")])})
    use(shell, {"//new:dev": ([], [config_map("a", key="2"), config_map("b", key="2"), kept("k")])})
    server.refuse = lambda request: (
        (500, {"kind": "Status", "code": 500, "message": "no"})
        if request.method == "PATCH" and request.path.endswith(("/b", "/k")) and request.query.get("dryRun") != "All"
        else None
    )
    assert shell.run("apply") == 1
    server.refuse = lambda request: None

    assert shell.run(verb) == 0, shell.err
    assert maps(server) == ({"a", "b", "k"} if verb == "apply" else set())


def test_a_kept_object_moves_along_with_its_target(shell, server):
    """An object that is annotated to stay stays the stack's own when its target is renamed: in an apply, a rollback and a delete."""
    apply(shell, {"//old:dev": ([], [kept("k"), config_map("a")])})
    apply(shell, {"//new:dev": ([], [kept("k"), config_map("a")])}, "--prune")
    assert server.get(kept("k"))["metadata"]["annotations"][OWNER] == "//new:dev"

    assert shell.run("rollback") == 0, shell.err
    assert server.get(kept("k"))["metadata"]["annotations"][OWNER] == "//old:dev"
    assert shell.run("apply") == 0, shell.err
    use(shell, {"//third:dev": ([], [kept("k")])})
    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and records(server) == []


def test_what_stays_is_named(shell, server):
    """Prune, diff and delete name what leaves the stack and stays: by its annotation, or because another stack has it."""
    shared = {"//s:dev": ([], [config_map("shared")])}
    apply(shell, shared, label="//s:dev")
    apply(shell, {**shared, "//a:dev": ([], [kept("k"), config_map("a")])})
    use(shell, {"//a:dev": ([], [config_map("a")])})
    sentences = (
        "1 object left the stack and stays, because its annotation turnup/on-remove is 'keep': ConfigMap dev/k.",
        "1 object left the stack and stays, because //s:dev has it as well: ConfigMap dev/shared.",
    )
    for verb in ("diff", "apply"):
        assert shell.run(verb, "--prune") == 0, shell.err
        assert all(sentence in shell.err for sentence in sentences), shell.err
    assert shell.run("delete") == 0, shell.err
    assert "kept        ConfigMap dev/k: has the annotation turnup/on-remove: keep" in shell.err
    assert maps(server) == {"k", "shared"}


def test_a_rollback_deletes_added_configuration_of_any_age(shell, server):
    """All generations of a ConfigMap that the older set lacks go with a rollback; a Secret of the newest set stays and is named."""

    def at(*objects: dict[str, Any]) -> dict[str, tuple[list[str], list[dict[str, Any]]]]:
        return {"//a:dev": ([], hash_names(objects))}

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "dev"}, "stringData": {"key": "value"}}
    apply(shell, at(config_map("a", key="1")))
    first = maps(server)
    apply(shell, at(config_map("a", key="1"), config_map("b", key="1")))
    apply(shell, at(config_map("a", key="1"), config_map("b", key="2"), secret))
    name = hash_names([secret])[0]["metadata"]["name"]

    assert shell.run("rollback", "--to=1") == 0, shell.err
    assert maps(server) == first
    assert f"1 object left the stack: Secret dev/{name};" in shell.err
    assert shell.run("rollback", "--to=3") == 0, shell.err
    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and not [path for path in server.paths() if "/secrets/" in path]


def test_delete_takes_configuration_of_a_renamed_target_of_any_age(shell, server):
    """All generations that the stack lists go with a delete, whatever their target was called."""
    for value, target in (("1", "//old:dev"), ("2", "//old:dev"), ("3", "//new:dev")):
        apply(shell, {target: ([], hash_names([config_map("a", key=value)]))})
    assert len(maps(server)) == 3

    assert shell.run("delete") == 0, shell.err
    assert maps(server) == set() and records(server) == []


def test_delete_takes_the_revisions_of_stacks_of_which_nothing_is_left(shell, server):
    """A delete of a deep stack removes the list, lease and revisions of the shallow stack that it empties, and of no other."""
    part = {"//a:dev": ([], [config_map("a")])}
    for value in "12":
        apply(shell, {"//a:dev": ([], [config_map("a", key=value)])}, label="//a:dev")
    apply(shell, {"//z:dev": ([], [config_map("z")])}, label="//z:dev")
    apply(shell, {**part, "//b:dev": (["//a:dev"], [config_map("b")])})

    assert shell.run("delete") == 0, shell.err
    assert maps(server) == {"z"}
    assert {path.rpartition("/")[2] for path in records(server)} == {parent_name("//z:dev"), f"turnup-revision-{stack_id('//z:dev')}-1-0"}


def test_who_may_not_delete_secrets_is_told_what_stays(shell, server):
    """A delete without the right to delete Secrets says that the revisions stay."""
    apply(shell, {"//a:dev": ([], [config_map("a")])})
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})
        if request.method == "DELETE" and request.path.startswith("/api/v1/namespaces/dev/secrets/")
        else None
    )

    assert shell.run("delete") == 0, shell.err
    assert f"this account may not delete Secrets in dev, so the revisions of {LABEL} stay there" in shell.err


def test_lists_of_shallow_stacks_stay_true(shell, server):
    """What a deep stack prunes leaves the shallow stack's list, whose revisions stay; what it recreates has its new UID there."""
    shallow = "//a:dev"
    apply(shell, {"//a:dev": ([], [config_map("a"), config_map("gone")])}, label=shallow)
    deep = {"//b:dev": (["//a:dev"], [config_map("b")])}
    apply(shell, {"//a:dev": ([], [config_map("a"), config_map("gone")]), **deep})
    server.remove(config_map("a"))
    apply(shell, {"//a:dev": ([], [config_map("a")]), **deep}, "--prune")

    members = {identity.name: member for identity, member in listing(server, shallow).members.items()}
    assert members.keys() == {"a"} and members["a"].uid == server.get(config_map("a"))["metadata"]["uid"]
    use(shell, {"//a:dev": ([], [config_map("a")])}, shallow)
    assert shell.run("apply") == 0 and "left the stack" not in shell.err
    assert shell.run("rollback") == 0, shell.err
    assert "gone" in maps(server)


def test_a_renamed_target_of_a_shallow_stack_goes_with_the_deep_one(shell, server):
    """The list of a shallow stack under a former name does not keep what the deep stack has taken along, renamed and dropped."""
    part = [config_map("a")]
    apply(shell, {"//old:dev": ([], part)}, label="//old:dev")
    rest = {"//b:dev": ([], [config_map("b")])}
    apply(shell, {"//old:dev": ([], part), **rest})
    apply(shell, {"//new:dev": ([], part), **rest})
    apply(shell, rest, "--prune")

    assert maps(server) == {"b"}
    assert listing(server, "//old:dev").members == {}


def test_who_may_not_read_the_list_is_told_what_a_delete_leaves(shell, server):
    """A delete without the right to read ConfigMaps says that what left the stack before stays."""
    apply(shell, {"//a:dev": ([], [config_map("a"), config_map("left")])})
    use(shell, {"//a:dev": ([], [config_map("a")])})
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})
        if request.method == "GET" and request.path.endswith("/configmaps")
        else None
    )

    assert shell.run("delete") == 0, shell.err
    assert "this account may not read ConfigMaps in dev, so objects that left //svc:dev-deep before stay" in shell.err
    assert maps(server) == {"left"}


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_what_has_a_kind_that_is_gone_is_named(shell, server, verb):
    """Objects of a kind that the cluster no longer serves leave the list, and a sentence names them."""
    server.kinds.append(("example.com/v1", "Thing", "things", True))
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "dev"}}
    apply(shell, {"//a:dev": ([], [config_map("a"), thing])})
    server.kinds.pop()
    use(shell, {"//a:dev": ([], [config_map("a")])})

    assert shell.run(verb, *(["--prune"] if verb == "apply" else [])) == 0, shell.err
    assert "//svc:dev-deep: the cluster no longer serves the kind of 1 object that left the stack, so it leaves the list: Thing dev/t." in shell.err


def test_a_list_of_others_that_may_not_be_written_fails_nothing(shell, server):
    """If another stack's list may not be written, the run says so and ends well."""
    apply(shell, {"//a:dev": ([], [config_map("a"), config_map("gone")])}, label="//a:dev")
    apply(shell, {"//a:dev": ([], [config_map("a"), config_map("gone")]), "//b:dev": ([], [config_map("b")])})
    use(shell, {"//a:dev": ([], [config_map("a")]), "//b:dev": ([], [config_map("b")])})
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not yours"})
        if request.method != "GET" and parent_name("//a:dev") in request.path
        else None
    )

    assert shell.run("apply", "--prune") == 0, shell.err
    assert "note: the list of //a:dev in dev could not be updated (not yours)" in shell.err
    assert maps(server) == {"a", "b"}


def test_an_object_that_is_gone_when_the_time_is_up_was_deleted(shell, server, monkeypatch):
    """What the watch has not seen go in time is read once more: it is deleted if it is gone, and named with its finalizers if it is not."""
    monkeypatch.setattr(Informer, "start", lambda self: None)
    apply(shell, {"//t:a": ([], [config_map("a"), config_map("b")])})

    def terminating(request):
        """Accepts a delete as a server does that waits for finalizers; those of `a` are done at once."""
        if request.method != "DELETE" or not request.path.startswith(CONFIG_MAPS) or request.path.endswith(parent_name(LABEL)):
            return None
        if request.path.endswith("/a"):
            server.remove(config_map("a"))
        return 200, {"kind": "ConfigMap", "metadata": {"name": "x"}}

    server.refuse = terminating
    assert shell.run("delete", "--wait=1s") == 1
    assert "deleted     ConfigMap dev/a" in shell.err
    assert "ConfigMap dev/b is still terminating; run the same command again." in shell.err and "finalizers" not in shell.err


def test_a_prune_tells_which_revisions_are_lost(shell):
    """A prune that deletes a Secret says that no rollback returns to revisions with it; one that deletes a ConfigMap does not."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "dev"}, "data": {"a": "YQ=="}}
    apply(shell, {"//t:a": ([], [config_map("a"), config_map("b"), secret])})
    apply(shell, {"//t:a": ([], [config_map("a"), secret])}, "--prune")
    assert ".rollback" not in shell.err
    apply(shell, {"//t:a": ([], [config_map("a")])}, "--prune")
    assert "note: .rollback can no longer return to revisions with Secret dev/key, because" in shell.err
