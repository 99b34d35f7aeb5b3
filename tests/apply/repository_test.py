"""Test of every object that this repository applies, in every environment, with a real API server: a second apply writes nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from rules.k8s.testing.fixtures import as_built, fixture_sent  # noqa: F401
from rules.k8s.testing.real_server import CONTEXT
from rules.k8s.tools.masking.mask import mask_object
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.objects.plan import Plan, read_plan

ENVIRONMENTS = ("prod", "staging", "dev", "myns")
# Kinds of the setup's cluster-scoped objects.
_CLUSTER_WIDE = (
    "/api/v1/namespaces",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
)


def built(name: str) -> Plan:
    """Returns the closure that Bazel built for a target, as the verbs read it."""
    runfiles = Path(os.environ["RUNFILES_DIR"])
    return read_plan(runfiles / "turnup" / f"{name}.describe.plan.jsonl", runfiles)


def make(shell, plan: Plan) -> int:
    """Makes the closure the shell's plan, for the test's cluster; returns the number of objects.

    Images are not pushed and need no pins here: the API server accepts their names unchanged.
    """
    documents = [
        {**entry.document, "context": CONTEXT, "cluster": "", "user": "", "images": {}, "references": {}, "missing_pins": []} for entry in plan.entries
    ]
    shell.make_targets(
        *documents,
        label=plan.label,
        deps={entry.label: list(entry.deps) for entry in plan.entries},
        services={entry.label: entry.service for entry in plan.entries if entry.service},
    )
    return len(plan.objects)


def versions(client, plan: Plan, *more: str) -> dict[str, str]:
    """Returns the resourceVersion of all objects of the plan's kinds in its namespaces, and of the given additional ones."""
    found: dict[str, str] = {}
    resources = {(obj["apiVersion"], obj["kind"]) for obj in plan.objects}
    places = {obj["metadata"].get("namespace") or "" for obj in plan.objects} - {""}
    paths = set(more)
    for version, kind in resources:
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in client.request("GET", root)[1]["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"] and resource["namespaced"]:
                paths |= {f"{root}/namespaces/{place}/{resource['name']}" for place in places}
    for path in sorted(paths):
        for obj in client.request("GET", path)[1]["items"]:
            found[f"{path}/{obj['metadata']['name']}"] = obj["metadata"]["resourceVersion"]
    return found


def wait_for_definitions(client) -> None:
    """Waits until the server has processed new definitions."""
    deadline = time.monotonic() + 60
    while True:
        listed = client.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")[1]["items"]
        if all(any(each["type"] == "Established" and each["status"] == "True" for each in (obj.get("status") or {}).get("conditions") or []) for obj in listed):
            return
        assert time.monotonic() < deadline, "a definition was not established"
        time.sleep(0.1)


def apply_twice(shell, client, server, sent: list[dict[str, Any]], plan: Plan, *more: str) -> dict[str, Any]:
    """Applies a closure, and checks that it sends what `.show` prints, and that a second apply, a diff, and a third apply with prune write nothing."""
    count = make(shell, plan)
    assert count
    shown = [event["manifest"] for event in shell.events("show") if event["event"] == "manifest"]
    assert shown == [mask_object(obj) for obj in plan.objects]
    sent.clear()
    assert shell.run("apply") == 0, shell.err
    assert as_built(sent) == {identity(obj): obj for obj in plan.objects}
    wait_for_definitions(client)
    before, writes = versions(client, plan, *more), server.changes()

    assert shell.run("apply") == 0, shell.err
    assert f"{plan.label}: {count} unchanged" in shell.err
    assert shell.run("diff", "--prune") == 0, shell.out
    assert shell.run("apply", "--prune") == 0, shell.err
    assert server.changes() == writes
    assert versions(client, plan, *more) == before
    return before


def test_applied_twice_nothing_is_written(shell, client, server, sent):
    """For the setup and the stack of every environment, a second apply writes nothing, and every resourceVersion stays."""
    setup = built("prod/setup")
    assert apply_twice(shell, client, server, sent, setup, *_CLUSTER_WIDE)
    seen: dict[str, Any] = {}
    for environment in ENVIRONMENTS:
        plan = built(f"svc/{environment}-deep")
        found = apply_twice(shell, client, server, sent, plan)
        assert not seen.keys() & found.keys()
        seen |= found

    # The apply of one environment does not change objects of the others.
    for environment in ENVIRONMENTS:
        assert versions(client, built(f"svc/{environment}-deep")).items() <= seen.items()
