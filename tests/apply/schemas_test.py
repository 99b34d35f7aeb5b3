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
from tests.apply.generated.world import Budget, World
from tests.apply.stacks import admin, number

SEED = number("SEED", 1, 2)
OBJECTS = number("OBJECTS", 300, 20_000)
_PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}


@pytest.fixture(name="validation", scope="module")
def fixture_validation() -> Validation:
    """Returns the schemas of the server's own version."""
    return Validation.read([path for path in os.environ["SCHEMAS"].split() if "1.34" in path])


def answer(client: Any, obj: dict[str, Any]) -> int:
    """Returns the status with which the server answers to a strict dry run."""
    version = obj["apiVersion"]
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    plural = _PLURALS.get(obj["kind"], obj["kind"].lower() + "s")
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        status, _ = client.request("POST", f"{root}/namespaces/default/{plural}", body=obj, query=query)
    except ApiError as error:
        status = error.status
    return int(status)


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_server_takes_what_passes(client: Any, validation: Validation, name: str) -> None:
    """The manifests that the mistakes are made in are correct."""
    assert validation.check([MANIFESTS[name]], name, {}) == []
    assert answer(client, MANIFESTS[name]) == 201


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_server_refuses_each_mistake(client: Any, mutation: Mutation) -> None:
    """What the build calls a mistake, the server refuses."""
    assert answer(client, mutation.apply()) in (400, 404, 422)


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
        for case in cases:
            for obj in case.versions:
                try:
                    validation.check([obj], "//generated", {})
                except TurnupError as error:
                    refused.append(str(error))
    kinds = [kind for kind, made in world.made.items() if made]
    print(f"{count} objects of {len(kinds)} kinds", flush=True)
    assert len(kinds) > 50
    assert not refused, "\n".join(sorted(set(refused)))
