"""Tests of .rollback and its revisions, against the fake API server."""

from __future__ import annotations

import base64
import random
import zlib
from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.tools.images import delivery
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.stack import history
from rules.k8s.tools.verbs import apply as apply_verb
from rules.k8s.tools.write import revision_recorder

LABEL = "//svc:dev"
SECRETS = "/api/v1/namespaces/dev/secrets/"
CANARY = "canary-5521"


def secret(name: str, value: str) -> dict[str, Any]:
    """Returns a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "dev"}, "stringData": {"password": value}}


def use(shell, *objects: dict[str, Any], **settings: Any) -> None:
    """Writes the plan of an environment's target from manifests."""
    shell.make_targets(document(LABEL, hash_names(objects), environment="dev", **settings))


def apply(shell, *objects: dict[str, Any], **settings: Any) -> None:
    """Applies manifests."""
    use(shell, *objects, **settings)
    assert shell.run("apply") == 0, shell.err


def stored(server) -> list[str]:
    """Returns the names of the Secrets that contain revisions."""
    return [path.removeprefix(SECRETS) for path in server.paths() if path.startswith(SECRETS + "turnup-revision-")]


def image_of(server, name: str) -> str:
    """Returns the image of a live Deployment."""
    return server.get(deployment(name))["spec"]["template"]["spec"]["containers"][0]["image"]


def test_back_and_forth(shell, server):
    """A rollback restores the former objects and deletes what was added later; the next rollback undoes it."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "late", "namespace": "dev"}, "spec": {"ports": [{"port": 80}]}}
    apply(shell, config_map("a", key="1"), deployment("web", image="one"))
    before = hash_names([config_map("a", key="1")])[0]
    apply(shell, config_map("a", key="2"), deployment("web", image="two"), service)
    assert "this is revision 2" in shell.err
    server.remove(before)

    assert shell.run("rollback") == 0, shell.err

    assert image_of(server, "web") == "one"
    assert server.get(before)["data"] == {"key": "1"}
    assert server.get(service) is None
    assert "this is revision 3" in shell.err
    assert shell.run("rollback") == 0
    assert image_of(server, "web") == "two"
    assert server.get(service) is not None


def test_back_from_an_apply_that_failed_half_way(shell, server):
    """After an apply that failed halfway, a rollback restores the newest complete set and deletes what was added; the next one goes further back."""
    for image in ("one", "two"):
        apply(shell, deployment("web", image=image), config_map("a", key=image))
    server.refuse = lambda request: (
        (500, {"kind": "Status", "code": 500, "message": "no"})
        if request.method == "PATCH" and "/deployments/" in request.path and request.query.get("dryRun") != "All"
        else None
    )
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "late", "namespace": "dev"}, "spec": {"ports": [{"port": 80}]}}
    use(shell, deployment("web", image="three"), config_map("a", key="three"), service)
    assert shell.run("apply") == 1 and server.get(service)
    server.refuse = lambda request: None

    assert shell.run("rollback") == 0, shell.err
    assert "the last run did not finish; rolling back to revision 2" in shell.err
    assert server.get(service) is None
    assert image_of(server, "web") == "two"
    assert shell.run("rollback") == 0, shell.err
    assert image_of(server, "web") == "one"


def test_a_rollback_that_failed_half_way_goes_on(shell, server):
    """After a rollback that failed halfway, the same command continues to the same revision, not to the one before it."""
    for version in ("one", "two", "three"):
        apply(shell, deployment("web", image=version), deployment("other", image=version))
    server.refuse = lambda request: (
        (500, {"kind": "Status", "code": 500, "message": "no"})
        if request.method == "PATCH" and "/deployments/web" in request.path and request.query.get("dryRun") != "All"
        else None
    )
    assert shell.run("rollback") == 1
    assert (image_of(server, "other"), image_of(server, "web")) == ("two", "three")
    server.refuse = lambda request: None

    assert shell.run("rollback") == 0, shell.err
    assert "the last run did not finish; continuing to roll back to revision 2" in shell.err
    assert (image_of(server, "other"), image_of(server, "web")) == ("two", "two")


def test_a_second_apply_writes_no_revision(shell, server):
    """A set that is in use is not recorded again; a changed set is."""
    apply(shell, config_map("a", key="1"))
    apply(shell, config_map("a", key="1"))
    assert len(stored(server)) == 1 and "revision" not in shell.err

    apply(shell, config_map("a", key="2"))
    assert len(stored(server)) == 2


def test_a_revision_names_its_commit(shell, server, monkeypatch):
    """--list shows the commit that each set was applied from, for a rollback that of its source; no applied object contains it."""
    commits = ["a" * 40, "b" * 40 + "-dirty"]
    for number, commit in enumerate(commits):
        monkeypatch.setattr(revision_recorder, "commit_of", lambda environ, commit=commit: commit)
        apply(shell, config_map("a", key=str(number)))
    monkeypatch.setattr(revision_recorder, "commit_of", lambda environ: "c" * 40)
    apply(shell, config_map("a", key="1"))  # The same set: no revision of its own.
    assert shell.run("rollback") == 0

    listed = shell.events("rollback", "--list")
    assert [event["commit"] for event in listed if event["event"] == "revision"] == [commits[0], commits[1], commits[0]]
    assert shell.run("rollback", "--list") == 0
    assert f"in use, back to 1, {commits[0]}" in shell.out
    assert not any(commit in str(server.get(config_map("a"))) for commit in commits)


def test_list_and_choice(shell, server):
    """--list shows the revisions, newest first, and changes nothing; --to chooses one; an unknown number fails and names the existing ones."""
    for number in range(3):
        apply(shell, config_map("a", key=str(number)))
    assert shell.run("rollback", "--to=1") == 0
    writes = len(server.writes)

    assert shell.run("rollback", "--list") == 0
    assert [line.split()[0] for line in shell.out.splitlines()] == ["REVISION", "4", "3", "2", "1"]
    assert "in use, back to 1" in shell.out
    assert shell.run("rollback", "--to=9") == 1
    assert "has no revision 9; choose one of 1, 2, 3, 4." in shell.err
    assert len(server.writes) == writes


def test_nothing_to_go_back_to(shell):
    """A stack that was applied never or once gets one sentence."""
    use(shell, config_map("a"))
    assert shell.run("rollback") == 1 and "has no revisions in this namespace" in shell.err
    apply(shell, config_map("a"))
    assert shell.run("rollback") == 1 and "has only revision 1" in shell.err


def test_the_last_ten_stay(shell, server):
    """Older revisions are removed, including the parts that an interrupted write left."""
    apply(shell, config_map("a", key="first"))
    name = stored(server)[0]
    left = server.get(secret(name, ""))
    left["metadata"] |= {"name": name.rpartition("-")[0].rpartition("-")[0] + "-77-1"}
    left["metadata"]["labels"]["turnup/revision"] = "77"
    del left["metadata"]["annotations"]["turnup/parts"]
    server.put(left)
    for number in range(12):
        apply(shell, config_map("a", key=str(number)))

    assert len(stored(server)) == history.KEEP
    assert shell.run("rollback", "--list") == 0
    assert [int(line.split()[0]) for line in shell.out.splitlines()[1:]] == list(range(89, 79, -1))


def test_no_value_of_a_secret_is_in_a_revision(shell, server):
    """A revision names its Secrets and contains none of their values, plain or encoded."""
    apply(shell, secret("key", CANARY), deployment("web"))
    obj = server.get(secret(stored(server)[0], ""))
    content = zlib.decompress(base64.b64decode(obj["data"]["revision"])).decode()

    assert obj["type"] == "turnup/revision" and obj["immutable"] is True
    assert '"turnup/base-name":"key"' in content
    assert CANARY not in content and base64.b64encode(CANARY.encode()).decode() not in content


def test_a_secret_that_is_gone(shell, server):
    """A rollback uses an existing Secret as it is; a missing one ends it before anything is written."""
    apply(shell, secret("key", CANARY), deployment("web", image="one"))
    apply(shell, secret("key", "another"), deployment("web", image="two"))
    old = hash_names([secret("key", CANARY)])[0]
    assert shell.run("rollback") == 0, shell.err
    assert server.get(old)["stringData"] == {"password": CANARY}
    assert shell.run("rollback") == 0
    server.remove(old)
    writes = len(server.writes)

    assert shell.run("rollback", "--to=1") == 1
    assert f"revision 1 needs Secret dev/{old['metadata']['name']}, which is gone" in shell.err
    assert len(server.writes) == writes


def test_values_of_the_secrets_that_it_uses_are_masked(shell, server):
    """A rollback reads the values of former Secrets, which the build does not know, and masks them in the words of servers and pods."""
    apply(shell, secret("key", CANARY), deployment("web", image="one"))
    apply(shell, secret("key", "another"), deployment("web", image="two"))
    server.refuse = lambda request: (
        (422, {"kind": "Status", "code": 422, "reason": "Invalid", "message": f"no {CANARY} here"})
        if request.method == "PATCH" and "/deployments/" in request.path
        else None
    )

    assert shell.run("rollback") == 1
    assert "no *** here" in shell.err and CANARY not in shell.out + shell.err


def test_an_image_that_is_gone(shell, server, monkeypatch):
    """A pinned image that the registry has lost ends the rollback before anything is written."""
    reference = "10.9.9.2:31000/app@sha256:" + "a" * 64
    monkeypatch.setattr(delivery, "wait_for_registry", lambda *arguments: None)
    monkeypatch.setattr(delivery, "_exists", lambda *arguments: True)
    monkeypatch.setattr(apply_verb, "wait_for_registry", lambda *arguments: None)
    apply(shell, deployment("web", image=reference), references={"app": reference})
    apply(shell, deployment("web", image="other"))
    writes = len(server.writes)
    monkeypatch.setattr(delivery, "_exists", lambda *arguments: False)

    assert shell.run("rollback") == 1
    assert f"does not have the pinned image {reference}; roll back to another revision" in shell.err
    assert len(server.writes) == writes


@pytest.mark.parametrize(
    "harm",
    [
        lambda obj: obj["data"].update(revision="!"),
        lambda obj: obj["data"].update(revision=base64.b64encode(b"no zlib").decode()),
        lambda obj: obj["data"].update(revision=base64.b64encode(zlib.compress(b"{}")).decode()),
        lambda obj: obj.pop("data"),
    ],
)
def test_a_damaged_revision(shell, server, harm):
    """A revision with other content than was written is refused with one sentence."""
    apply(shell, config_map("a", key="1"))
    damaged = server.get(secret(stored(server)[0], ""))
    apply(shell, config_map("a", key="2"))
    harm(damaged)
    server.put(damaged)

    assert shell.run("rollback") == 1
    assert "revision 1 is damaged; roll back to another revision" in shell.err


@pytest.mark.parametrize("number", ["0", "-1", "one", ""])
def test_a_number_that_no_revision_has_is_misuse(shell, server, number):
    """A revision's number is 1 or more: anything else gets one sentence and exit code 2, and nothing is written."""
    apply(shell, config_map("a", key="1"))
    apply(shell, config_map("a", key="2"))
    before = len(server.requests)

    assert shell.run("rollback", f"--to={number}") == 2
    assert f"Argument --to: {number!r} is not the number of a revision; write 1 or more" in shell.err and len(shell.err.splitlines()) == 1
    assert len(server.requests) == before


def test_a_planted_revision_cannot_leave_the_environment(shell, server):
    """A revision that somebody wrote by hand cannot make a rollback write outside the stack's environment."""
    apply(shell, config_map("a", key="1"))
    planted = server.get(secret(stored(server)[0], ""))
    content = zlib.decompress(base64.b64decode(planted["data"]["revision"])).replace(b'"namespace":"dev"}', b'"namespace":"prod"}')
    apply(shell, config_map("a", key="2"))
    planted["data"]["revision"] = base64.b64encode(zlib.compress(content)).decode()
    planted["metadata"]["annotations"]["turnup/digest"] = history.hashlib.sha256(content).hexdigest()
    server.put(planted)

    assert shell.run("rollback") == 1
    assert "revision 1 contains objects outside of dev, which this target never applies" in shell.err


def test_a_large_set_is_split_or_refused(shell, server, monkeypatch):
    """A set that is too large for one Secret uses several; one that is too large for all of them is reported, and the apply succeeds."""
    monkeypatch.setattr(history, "_PART_BYTES", 1000)
    noise = random.Random(3).randbytes(6000).hex()
    apply(shell, config_map("a", key="1"))
    apply(shell, config_map("a", key=noise))
    assert len(stored(server)) > 5
    apply(shell, config_map("a", key="2"))
    assert shell.run("rollback") == 0, shell.err
    assert server.get(hash_names([config_map("a", key=noise)])[0])["data"] == {"key": noise}

    monkeypatch.setattr(history, "_MOST_PARTS", 3)
    apply(shell, config_map("a", key=noise + "more"))
    assert "no revision was written" in shell.err and "split the stack" in shell.err


def test_who_may_not_write_secrets_can_apply(shell, server):
    """Without the right to write Secrets an apply succeeds and reports that it cannot be rolled back to."""
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}) if request.path.endswith("/secrets") else None
    )
    apply(shell, config_map("a"))

    assert "no revision was written, so .rollback cannot return to this set" in shell.err


def test_delete_forgets(shell, server):
    """A delete leaves no revision."""
    apply(shell, config_map("a"))
    assert shell.run("delete") == 0

    assert stored(server) == []


def test_where_revisions_are_kept(shell, server):
    """A stack of several namespaces has its revisions where only administrators write; left-out objects are not in them."""
    server.put(namespace("kube-system"))
    server.put(namespace("other"))
    shell.make_targets(document("//a:one", [config_map("a")]), document("//b:two", [config_map("b", "other")], namespace="other"))
    assert shell.run("apply") == 0, shell.err

    assert stored(server) == []
    (path,) = [path for path in server.paths() if "/secrets/turnup-revision-" in path]
    assert path.startswith("/api/v1/namespaces/kube-system/")
    shell.run("rollback", "--list")
    assert [line.split()[0] for line in shell.out.splitlines()][-1] == "1"


def spread(shell, *names: str) -> None:
    """Writes the plan of a target for each of some namespaces, with a ConfigMap of the same name."""
    shell.make_targets(*(document(f"//{name}:one", [config_map(name, name, key="1")], namespace=name) for name in names), label=LABEL)


@pytest.fixture(name="moved")
def fixture_moved(shell, server):
    """Returns the server after a stack in two namespaces has left one of them in its plan, and has not been applied again."""
    for name in ("kube-system", "other"):
        server.put(namespace(name))
    spread(shell, "dev", "other")
    assert shell.run("apply") == 0, shell.err
    spread(shell, "dev")
    return server


def numbers(shell) -> list[str]:
    """Returns the numbers of the revisions as they are listed, newest first."""
    assert shell.run("rollback", "--list") == 0, shell.err
    return [line.split()[0] for line in shell.out.splitlines()[1:]]


def test_the_history_moves_with_the_stack(shell, moved):
    """A stack with more or fewer namespaces keeps its revisions, with their numbers and times; a delete takes them and every lease."""
    assert numbers(shell) == ["1"]
    assert shell.run("apply", "--prune") == 0, shell.err
    assert "this is revision 2" in shell.err and numbers(shell) == ["2", "1"]
    assert moved.get(config_map("other", "other")) is None

    assert shell.run("rollback") == 0, shell.err
    assert moved.get(config_map("other", "other")) and numbers(shell) == ["3", "2", "1"]
    spread(shell, "dev", "other")
    assert shell.run("apply") == 0, shell.err
    assert numbers(shell) == ["3", "2", "1"]

    spread(shell, "dev")
    assert shell.run("delete") == 0, shell.err
    assert [path for path in moved.paths() if "turnup-" in path] == []


def test_a_move_of_the_history_that_failed_goes_on(shell, moved):
    """If the server fails while revisions move, the same command continues; none is lost or listed twice."""
    moved.refuse = lambda request: (
        (500, {"kind": "Status", "code": 500, "message": "no"}) if request.method == "DELETE" and "/secrets/turnup-revision-" in request.path else None
    )
    assert shell.run("apply", "--prune") == 1
    moved.refuse = lambda request: None

    assert shell.run("apply", "--prune") == 0, shell.err
    assert numbers(shell) == ["2", "1"]
    assert len([path for path in moved.paths() if "turnup-revision-" in path]) == 2


def test_revisions_that_may_not_be_moved_stay_and_are_named(shell, moved):
    """Without the right to write Secrets where the revisions were, the apply succeeds and says that they stay."""
    moved.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})
        if request.method == "DELETE" and request.path.startswith("/api/v1/namespaces/kube-system/secrets/")
        else None
    )
    assert shell.run("apply", "--prune") == 0, shell.err
    assert "note: revisions of //svc:dev stay in kube-system" in shell.err
