"""Tests of how revisions ended, and of the one that .rollback goes to, against the fake API server."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.readiness import waiting


def use(shell, *objects: dict[str, Any]) -> None:
    """Writes the plan of an environment's target."""
    shell.make_targets(document("//svc:dev", objects, environment="dev"))


def apply(shell, *objects: dict[str, Any]) -> None:
    """Applies objects."""
    use(shell, *objects)
    assert shell.run("apply") == 0, shell.err


def image_of(server, name: str) -> str:
    """Returns the image of a live Deployment."""
    return server.get(deployment(name))["spec"]["template"]["spec"]["containers"][0]["image"]


def concluded(server, number: int, outcome: str) -> None:
    """Marks a revision as its run would at its end."""
    (path,) = [path for path in server.paths() if path.endswith(f"-{number}-0") and "/secrets/turnup-revision-" in path]
    obj = server.get({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": path.rpartition("/")[2], "namespace": "dev"}})
    obj["metadata"]["annotations"]["turnup/outcome"] = outcome
    server.put(obj)


@pytest.mark.parametrize(
    ("outcomes", "goal"),
    [
        (("ready", "ready", "ready"), 2),
        (("ready", "failed", "ready"), 1),
        (("ready", "", "failed"), 1),
        (("", "", "failed"), 2),
        (("", "interrupted", ""), 1),
        (("", "waiting until 9999-01-01T00:00:00Z", ""), 1),
        (("ready", "waiting until 2000-01-01T00:00:00Z", ""), 1),
        (("failed", "interrupted", "ready"), 0),
    ],
)
def test_a_rollback_goes_to_the_last_that_was_ready(shell, server, outcomes, goal):
    """Without --to it goes to the newest earlier set that was ready, else to the newest that nobody waited for, else nowhere."""
    for number, outcome in enumerate(outcomes, 1):
        apply(shell, deployment("web", image=str(number)))
        concluded(server, number, outcome)

    assert shell.run("rollback") == (0 if goal else 1)
    assert image_of(server, "web") == str(goal or 3)
    if not goal:
        assert "no earlier revision was ready (revision 1 failed, revision 2 was interrupted). Choose one with '-- --to=REVISION'." in shell.err
    assert ("; choose another one with '-- --to=REVISION'" in shell.err) == (goal == 1)


def test_a_rollback_after_a_run_that_did_not_finish_names_what_it_skips(shell, server):
    """After an apply that failed halfway, a failed newest revision is skipped and named."""
    for number, outcome in ((1, "ready"), (2, "failed")):
        apply(shell, deployment("web", image=str(number)))
        concluded(server, number, outcome)
    server.refuse = lambda request: (
        (500, {"kind": "Status", "code": 500, "message": "no"})
        if request.method == "PATCH" and "/deployments/" in request.path and request.query.get("dryRun") != "All"
        else None
    )
    use(shell, deployment("web", image="3"))
    assert shell.run("apply") == 1
    server.refuse = lambda request: None

    assert shell.run("rollback") == 0, shell.err
    assert "the last run did not finish; rolling back to revision 1" in shell.err
    assert "rolling back to revision 1, the last that was ready (revision 2 failed)" in shell.err
    assert image_of(server, "web") == "1"


def test_a_set_that_was_ready_once_stays_ready(shell, server, monkeypatch):
    """A later wait for the same set that fails does not make its revision a failed one."""

    def fails(*arguments: Any, **options: Any) -> None:
        raise waiting.TurnupError("not ready")

    use(shell, config_map("a", key="1"))
    assert shell.run("apply", "--wait=20s") == 0, shell.err
    monkeypatch.setattr(waiting, "wait_ready", fails)
    assert shell.run("apply", "--wait=20s") == 1

    assert [event["outcome"] for event in shell.events("rollback", "--list") if event["event"] == "revision"] == ["ready"]


def test_an_outcome_that_may_not_be_written_changes_nothing_else(shell, server):
    """Without the right to change a revision, the run says so and ends as it would."""
    server.refuse = lambda request: (
        (403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"})
        if request.method == "PATCH" and "/turnup-revision-" in request.path
        else None
    )
    use(shell, config_map("a", key="1"))

    assert shell.run("apply", "--wait=20s") == 0
    assert "note: revision 1 could not be marked as ready: no" in shell.err
