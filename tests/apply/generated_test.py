"""Tests with generated input and a real API server: objects of every kind that it serves, and random histories of stacks.

Everything follows from one seed, which is printed. Objects come from the server's own OpenAPI documents and from definitions of
custom resources that the test installs. What fails is shrunk, printed and written to a file, which Bazel keeps in
bazel-testlogs/tests/apply/generated_test/test.outputs; `bazel run //tests/apply/generated:replay -- FILE` runs it again. $SEED with the
same numbers repeats a run. $OBJECTS, $PAIRS, $OPERATIONS and $KILLS choose the numbers. //tests/long:generated_test is the long form.

The short form, which runs with every change, has a fixed seed: it fails only if the change breaks something that held before, and
it fails again on the next run. The long form draws a new seed each time. It is there to find what nobody knows, so a finding there
is news, and no reason to hold back a change that has nothing to do with it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from rules.k8s.testing.shell import Shell
from tests.apply.generated.cases import Report
from tests.apply.generated.engine import Engine
from tests.apply.generated.stack_runs import StackRun
from tests.apply.generated.world import Budget, World
from tests.apply.stacks import admin, number

_SHORT_SEED = 1
SEED = number("SEED", _SHORT_SEED, time.time_ns() % 2**32)
OBJECTS = number("OBJECTS", 210, 20_000)
PAIRS = number("PAIRS", 90, 3_000)
OPERATIONS = number("OPERATIONS", 60, 2_000)
KILLS = number("KILLS", 6, 500)
BATCH = number("BATCH", 75, 150)
DEFINITIONS = number("DEFINITIONS", 4, 12)
SHRINKING = number("SHRINKING", 60, 900)
# Of the kinds that the server stores, the share that the generator may be unable to fill.
_UNFILLED = 0.05


@pytest.fixture(name="outputs", scope="module")
def fixture_outputs(tmp_path_factory):
    """Returns the folder for reproductions: Bazel's outputs of tests, if Bazel runs this."""
    folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    return Path(folder) if folder else tmp_path_factory.mktemp("findings")


@pytest.fixture(name="engine", scope="module")
def fixture_engine(server, tmp_path_factory):
    """Returns a user of the engine."""
    shell = Shell(tmp_path_factory.mktemp("shell"), json.loads(server.kubeconfig.read_text()))
    return Engine(shell, admin(server), tmp_path_factory.mktemp("build"))


@pytest.fixture(name="world", scope="module")
def fixture_world(engine, outputs):
    """Returns the server's kinds and the generator."""
    print(f"SEED={SEED} OBJECTS={OBJECTS} PAIRS={PAIRS} OPERATIONS={OPERATIONS} KILLS={KILLS}", flush=True)
    return World(engine, Report(outputs, SEED), DEFINITIONS, Budget(shrinking=SHRINKING))


def told(report: Report) -> str:
    """Returns all findings of a run, as the message of a failed test."""
    return f"seed {report.seed}, {len(report.known)} findings:\n" + "\n".join(f"{known.times} times: {report.text(known)}" for known in report.known)


def test_every_kind_is_generated(world):
    """The generator fills the kinds that the server stores: those that it cannot fill are few, and are listed."""
    print(f"{len(world.kinds)} kinds; not filled: {world.unfilled or 'none'}; not stored by the server: {world.not_stored}", flush=True)
    assert len(world.unfilled) <= _UNFILLED * (len(world.kinds) + len(world.unfilled))


def test_applied_three_times(world):
    """Of three applies of an object, the first creates it; the others, and a diff before them, write and show nothing."""
    world.run_objects(OBJECTS, BATCH)
    print(world.report.summary(), flush=True)
    print(f"the fewest of a kind: {sorted((number, kind) for kind, number in world.made.items())[:5]}", flush=True)
    assert not world.report.known, told(world.report)
    assert 2 * len(world.kinds) > OBJECTS or [kind for kind, number in world.made.items() if not number] == []


def test_pairs_of_versions(engine, world, outputs):
    """A diff shows exactly what an apply writes; the changed object is what a fresh one is, also after two replaces and back."""
    report = world.report = Report(outputs / "pairs", SEED)
    world.budget = Budget(shrinking=SHRINKING)
    report.folder.mkdir()
    world.run_pairs(PAIRS, BATCH)
    print(report.summary(), flush=True)
    assert not report.known, told(report)


def test_histories_of_stacks(engine, outputs):
    """After each verb of a random history, killed or not, the server has what it must have, and objects of others are as they were."""
    report = Report(outputs, SEED)
    stacks = StackRun(engine, report, SHRINKING)
    stacks.run(OPERATIONS, KILLS)
    print(report.summary(), flush=True)
    assert not stacks.failures, "\n".join(stacks.failures)
