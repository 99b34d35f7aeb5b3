"""The schemas of the build and the real API server agree: about correct manifests, about mistakes, and about generated objects."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from rules.k8s.testing.shell import Shell
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.schemas.mutations import MANIFESTS, MUTATIONS, Mutation
from rules.k8s.tools.schemas.validation import Validation
from tests.apply.generated.cases import Report
from tests.apply.generated.engine import Engine
from tests.apply.generated.schemas import Kind
from tests.apply.generated.server_filter import PROBE
from tests.apply.generated.world import Budget, World
from tests.apply.stacks import admin, number, placed

SEED = number("SEED", 1, 2)
OBJECTS = number("OBJECTS", 300, 20_000)
_PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


@pytest.fixture(name="validation", scope="module")
def fixture_validation() -> Validation:
    """Returns the schemas of the server's own version."""
    return Validation.read([path for path in os.environ["SCHEMAS"].split() if "1.34" in path])


def create(client: Any, path: str, obj: dict[str, Any]) -> tuple[int, Any]:
    """Returns the status and the object with which the server answers to a strict dry run."""
    try:
        status, body = client.request("POST", path, body=obj, query={"dryRun": "All", "fieldValidation": "Strict"})
    except ApiError as error:
        return error.status, None
    return int(status), body


def answer(client: Any, obj: dict[str, Any]) -> int:
    """Returns the status with which the server answers to a strict dry run of an object in the default namespace."""
    version = obj["apiVersion"]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    plural = _PLURALS.get(obj["kind"], obj["kind"].lower() + "s")
    return create(client, f"{root}/namespaces/default/{plural}", obj)[0]


def kept(obj: Any, stored: Any) -> Any:
    """Returns an object without the fields that the server silently drops, because a feature gate is off or their value is of no use."""
    if isinstance(obj, dict) and isinstance(stored, dict):
        return {key: kept(value, stored[key]) for key, value in obj.items() if key in stored or value in (None, "", 0, False)}
    if isinstance(obj, list) and isinstance(stored, list) and len(obj) == len(stored):
        return [kept(*pair) for pair in zip(obj, stored, strict=True)]
    return obj


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_server_takes_what_passes(client: Any, validation: Validation, name: str) -> None:
    """The manifests that the mistakes are made in are correct."""
    assert validation.check([MANIFESTS[name]], name, {}) == []
    assert answer(client, MANIFESTS[name]) == 201


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_server_refuses_each_mistake(client: Any, mutation: Mutation) -> None:
    """What the build calls a mistake, the server refuses."""
    assert answer(client, mutation.apply()) in (400, 404, 422)


def refusal(validation: Validation, client: Any, kind: Kind, obj: dict[str, Any]) -> str:
    """Returns what the schemas have against an object that the server takes, empty if it is nothing that the server looks at."""
    try:
        validation.check([obj], "//generated", {})
        return ""
    except TurnupError:
        status, stored = create(client, kind.resource.path(PROBE), placed(obj, PROBE if kind.resource.namespaced else ""))
    if status != 201:
        return f"{obj['kind']}: the server answers {status} after all"
    try:
        validation.check([kept(obj, stored)], "//generated", {})
        return ""
    except TurnupError as error:
        return str(error)


def test_what_the_server_takes_passes(server: Any, validation: Validation, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The schemas refuse none of many generated objects, of every kind that the server stores, that the server takes."""
    shell = Shell(tmp_path_factory.mktemp("shell"), json.loads(server.kubeconfig.read_text()))
    engine = Engine(shell, admin(server), tmp_path_factory.mktemp("build"))
    world = World(engine, Report(tmp_path_factory.mktemp("findings"), SEED), 0, Budget(shrinking=0))
    refused: list[str] = []
    count = 0
    while count < OBJECTS:
        cases = world.generate(min(150, OBJECTS - count))
        count += len(cases)
        refused += [said for case in cases for obj in case.versions if (said := refusal(validation, engine.client, case.kind, obj))]
    kinds = [kind for kind, made in world.made.items() if made]
    print(f"{count} objects of {len(kinds)} kinds", flush=True)
    assert len(kinds) > 50
    assert not refused, "\n".join(sorted(set(refused)))
