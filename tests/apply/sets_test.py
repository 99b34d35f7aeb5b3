"""Tests of what left a stack and must go, by every verb, and of what histories say, with a real API server."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import Any

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.client import MERGE_PATCH
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.readiness import waiting
from rules.k8s.tools.stack.history import TYPE as REVISION
from tests.apply.stacks import exists, maps, placed

Targets = dict[str, tuple[list[str], list[dict[str, Any]]]]


def use(shell, place: str, targets: Targets, label: str = LABEL) -> None:
    """Writes the plan of a stack: label of a target → (labels that it depends on, its objects), dependencies first."""
    documents = [document(target, [placed(obj, place) for obj in objects], namespace=place) for target, (_, objects) in targets.items()]
    shell.make_targets(*documents, label=label, deps={target: deps for target, (deps, _) in targets.items()})


def apply(shell, place: str, targets: Targets, *options: str, label: str = LABEL) -> None:
    """Applies a stack."""
    use(shell, place, targets, label)
    assert shell.run("apply", *options) == 0, shell.err


def revisions(client, place: str) -> list[str]:
    """Returns the names of the Secrets that have revisions."""
    return [
        obj["metadata"]["name"] for obj in client.request("GET", f"/api/v1/namespaces/{place}/secrets", query={"fieldSelector": f"type={REVISION}"})[1]["items"]
    ]


def outcomes(shell) -> dict[int, str]:
    """Returns revision → how it ended, as --list says."""
    return {event["revision"]: event["outcome"] for event in shell.events("rollback", "--list") if event["event"] == "revision"}


def kept(name: str, **data: str) -> dict[str, Any]:
    """Returns a ConfigMap that nothing prunes."""
    obj = config_map(name, **data)
    obj["metadata"]["annotations"] = {"turnup/on-remove": "keep"}
    return obj


def test_prune_passes_dependents_that_stay(shell, client, home):
    """What a dependency dropped is pruned at once, as .diff shows it, while its dependents stay."""
    rest: Targets = {"//front:dev": (["//prices:dev"], [deployment("front")]), "//shop:dev": (["//front:dev"], [])}
    apply(shell, home, {"//prices:dev": ([], [deployment("old"), config_map("old")]), **rest})
    use(shell, home, {"//prices:dev": ([], [deployment("new")]), **rest})
    assert shell.run("diff", "--prune") == 1 and f"live Deployment {home}/old" in shell.out

    assert shell.run("apply", "--prune") == 0, shell.err
    assert f"deleted     Deployment {home}/old: left the stack" in shell.err
    assert not exists(client, f"/apis/apps/v1/namespaces/{home}/deployments/old") and maps(client, home) == {}
    assert shell.run("diff", "--prune") == 0, shell.out


def test_delete_passes_targets_without_objects(shell, client, home):
    """A delete removes what a target without objects depends on, with the list and the history."""
    apply(shell, home, {"//a:dev": ([], [config_map("a")]), "//b:dev": (["//a:dev"], []), "//c:dev": (["//b:dev"], [config_map("c")])})

    assert shell.run("delete") == 0, shell.err
    assert maps(client, home) == {} and revisions(client, home) == []


def test_a_dependent_that_stays_keeps_its_dependency(shell, client, home):
    """If a dependent does not go in time, its dependency is not deleted under it, and both are errors."""
    held = config_map("held")
    held["metadata"]["finalizers"] = ["tests.example.com/held"]
    apply(shell, home, {"//a:dev": ([], [config_map("a")]), "//b:dev": (["//a:dev"], [held])})

    assert shell.run("delete", "--wait=1s") == 1
    assert f"ConfigMap {home}/a was not deleted, because //b:dev depends on it and ConfigMap {home}/held of //b:dev is still there." in shell.err
    assert "a" in maps(client, home)
    client.request("PATCH", f"/api/v1/namespaces/{home}/configmaps/held", content_type=MERGE_PATCH, body={"metadata": {"finalizers": None}})
    assert shell.run("delete") == 0, shell.err
    assert maps(client, home) == {} and revisions(client, home) == []


def test_rollback_deletes_what_a_dependency_and_configuration_added(shell, client, home):
    """A rollback deletes what the newest set added: to a dependency, and under content-hashed names."""
    old: Targets = {"//a:dev": ([], [config_map("r1"), *hash_names([config_map("x", home, key="1")])]), "//b:dev": (["//a:dev"], [config_map("r2")])}
    apply(shell, home, old)
    before = maps(client, home).keys()
    more = hash_names([config_map("x", home, key="1"), config_map("y", home, key="1")])
    apply(shell, home, {"//a:dev": ([], [config_map("r1"), config_map("r3"), *more]), "//b:dev": (["//a:dev"], [config_map("r2")])})
    assert len(maps(client, home)) == len(before) + 2

    assert shell.run("rollback") == 0, shell.err
    assert maps(client, home).keys() == before


def test_delete_after_a_move_and_a_rename(shell, client, home):
    """What the list has with its UID goes with a delete, whichever target has it now and whatever that is called."""
    settings = hash_names([config_map("x", home, key="1")])
    apply(shell, home, {"//t6:dev": ([], [config_map("m1"), config_map("m2")]), "//t2:dev": ([], [config_map("m3"), *settings])})
    newer = hash_names([config_map("x", home, key="2")])
    use(shell, home, {"//t6:dev": ([], [config_map("m2")]), "//new:dev": ([], [config_map("m3"), config_map("m1"), *newer])})

    assert shell.run("delete") == 0, shell.err
    assert maps(client, home) == {} and revisions(client, home) == []


def test_delete_of_kept_configuration_of_a_renamed_target(shell, client, home):
    """All generations of a ConfigMap go with a delete, also those that another name of their target applied and that are annotated to stay."""
    apply(shell, home, {"//old:dev": ([], hash_names([kept("x", key="1")]))}, "--prune")
    use(shell, home, {"//new:dev": ([], hash_names([kept("x", key="2")]))})

    assert shell.run("delete") == 0, shell.err
    assert maps(client, home) == {} and "annotation" not in shell.err


def test_kept_objects_move_along(shell, client, home):
    """An object that is annotated to stay is the stack's own after its target was renamed, in every verb, and is named when it leaves."""
    path = f"/api/v1/namespaces/{home}/configmaps/k"
    apply(shell, home, {"//old:dev": ([], [kept("k"), config_map("a")])})
    apply(shell, home, {"//new:dev": ([], [kept("k"), config_map("a")])})
    assert client.request("GET", path)[1]["metadata"]["annotations"]["turnup/target"] == "//new:dev"
    before = {name: obj["metadata"]["resourceVersion"] for name, obj in maps(client, home).items()}
    assert shell.run("apply", "--prune") == 0 and "2 unchanged" in shell.err
    assert {name: obj["metadata"]["resourceVersion"] for name, obj in maps(client, home).items()} == before
    use(shell, home, {"//third:dev": ([], [kept("k"), config_map("a")])})
    assert shell.run("replace") == 0, shell.err

    apply(shell, home, {"//third:dev": ([], [config_map("a")])}, "--prune")
    assert f"1 object left the stack and stays, because its annotation turnup/on-remove is 'keep': ConfigMap {home}/k." in shell.err
    apply(shell, home, {"//fourth:dev": ([], [kept("k")])}, "--prune")
    assert shell.run("delete") == 0, shell.err
    assert maps(client, home) == {}


def test_delete_takes_lists_and_revisions_of_emptied_stacks(shell, client, home):
    """A delete of the deep stack leaves neither list, lease nor revisions of the shallow stack that it empties."""
    for value in "123":
        apply(shell, home, {"//prices:dev": ([], [config_map("prices", key=value)])}, label="//prices:dev")
    apply(shell, home, {"//prices:dev": ([], [config_map("prices", key="3")]), "//shop:dev": (["//prices:dev"], [config_map("shop")])})
    assert len(revisions(client, home)) == 4

    assert shell.run("delete") == 0, shell.err
    for kind in ("api/v1/namespaces/{}/configmaps", "api/v1/namespaces/{}/secrets", "apis/coordination.k8s.io/v1/namespaces/{}/leases"):
        found = client.request("GET", "/" + kind.format(home))[1]["items"]
        assert [obj["metadata"]["name"] for obj in found if obj["metadata"]["name"] != "kube-root-ca.crt"] == []


def test_a_prune_through_one_stack_keeps_the_other_true(shell, client, home):
    """What the deep stack prunes leaves the shallow stack's list: its next apply names nothing, and it can still be rolled back."""
    apply(shell, home, {"//a:dev": ([], [config_map("a", key="1"), config_map("gone")])}, label="//a:dev")
    apply(shell, home, {"//a:dev": ([], [config_map("a", key="1"), config_map("gone")]), "//b:dev": ([], [config_map("b")])})
    apply(shell, home, {"//a:dev": ([], [config_map("a", key="1")]), "//b:dev": ([], [config_map("b")])}, "--prune")
    apply(shell, home, {"//a:dev": ([], [config_map("a", key="1")])}, label="//a:dev")
    assert "left the stack" not in shell.err

    assert shell.run("rollback") == 0, shell.err
    assert set(maps(client, home)) == {"a", "b", "gone"}


def test_revisions_say_how_they_ended(shell, client, home, monkeypatch):
    """A revision is ready, failed, interrupted, or was not waited for; a rollback goes to the last that was ready and says what it skips."""

    def at(value: str) -> Targets:
        return {"//a:dev": ([], [config_map("a", key=value)])}

    apply(shell, home, at("1"), "--wait=20s")
    apply(shell, home, at("2"))
    use(shell, home, at("3"))

    def stop(error: BaseException) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(waiting, "wait_ready", lambda *arguments, **options: (_ for _ in ()).throw(error))
            assert shell.run("apply", "--wait=20s") != 0

    stop(waiting.TurnupError("not ready"))
    use(shell, home, at("4"))
    stop(KeyboardInterrupt())
    assert outcomes(shell) == {1: "ready", 2: "not waited for", 3: "failed", 4: "interrupted"}
    assert shell.run("rollback", "--list") == 0
    assert "REVISION  APPLIED               OBJECTS  OUTCOME         NOTE" in shell.out and "interrupted     in use" in shell.out

    assert shell.run("rollback", "--wait=20s") == 0, shell.err
    assert (
        "rolling back to revision 1, the last that was ready (revision 2 was not waited for, revision 3 failed); choose another one with '-- --to=REVISION'"
        in shell.err
    )
    assert maps(client, home)["a"]["data"] == {"key": "1"}
    assert outcomes(shell)[5] == "ready"


def test_a_later_wait_says_that_a_revision_is_ready(shell, client, home):
    """An unchanged apply that waits marks the revision in use as ready; the next one writes nothing."""
    targets: Targets = {"//a:dev": ([], [config_map("a", key="1")])}
    apply(shell, home, targets)
    apply(shell, home, targets, "--wait=20s")
    assert outcomes(shell) == {1: "ready"}
    (name,) = revisions(client, home)
    before = client.request("GET", f"/api/v1/namespaces/{home}/secrets/{name}")[1]["metadata"]["resourceVersion"]

    apply(shell, home, targets, "--wait=20s")
    assert client.request("GET", f"/api/v1/namespaces/{home}/secrets/{name}")[1]["metadata"]["resourceVersion"] == before


def test_a_run_that_was_killed_while_it_waited(shell, client, home):
    """A run that is killed while it waits leaves its revision as waiting; after its deadline it counts as interrupted."""
    use(shell, home, {"//a:dev": ([], [deployment("never")])})
    process = shell.start("apply", "--wait=300s", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not revisions(client, home) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert outcomes(shell) == {1: "waiting"}
    (name,) = revisions(client, home)
    late = {"metadata": {"annotations": {"turnup/outcome": "waiting until 2020-01-01T00:00:00Z"}}}
    client.request("PATCH", f"/api/v1/namespaces/{home}/secrets/{name}", content_type=MERGE_PATCH, body=late)

    assert outcomes(shell) == {1: "interrupted"}
