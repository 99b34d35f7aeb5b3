"""Tests of SIGKILL: whenever a run is killed, the next run leaves the same state as an uninterrupted one.

The short form kills 10 runs, the long form 100 (//tests/long:apply_kill_test). $KILLS and $SEED choose.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import Client
from tests.apply.stacks import KILLER, admin, comparable, make_namespace, make_stack, number

KILLS = number("KILLS", 10, 100)
SEED = int(os.environ.get("SEED") or time.time_ns() % 2**32)
_LATEST_S = 0.008


def differences(found: object, wanted: object, at: str = "") -> list[str]:
    """Returns the paths where two JSON values differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return [text for key in sorted(found.keys() | wanted.keys()) for text in differences(found.get(key), wanted.get(key), f"{at}/{key}")]
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [text for index, pair in enumerate(zip(found, wanted, strict=False)) for text in differences(*pair, f"{at}/{index}")]
    return [] if found == wanted else [f"{at}: {found}, not {wanted}"]


class Case:
    """One kind of run that is killed.

    Args:
        shell: the shell of the runs.
        client: client that bypasses the engine.
        before: version of the existing stack; 0 if there is none.
        verb: verb to kill, with its arguments; its plan is the second version.
    """

    def __init__(self, shell: Shell, client: Client, before: int, *verb: str):
        self._shell = shell
        self._client = client
        self._before = before
        self._verb = verb
        self.requests = 0
        self._wanted: dict = {}

    def measure(self, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Runs the verb without a kill, and keeps the number of its requests and the final state."""
        self._prepare(place)
        request, count = Client.request, []
        with monkeypatch.context() as patch:
            patch.setattr(Client, "request", lambda client, *arguments, **options: (count.append(1), request(client, *arguments, **options))[1])
            assert self._shell.run(*self._verb) == 0, self._shell.err
        self.requests = len(count)
        self._wanted = comparable(self._client, place)

    def kill(self, place: str, point: int, delay: float = 0.0) -> None:
        """Kills a run the given seconds after it has sent a request (counted from 1), runs the verb again and compares the state."""
        self._prepare(place)
        process = self._shell.start(*self._verb, program=KILLER.format(point=point, delay=delay))
        code = process.wait(60)
        where = f"{' '.join(self._verb)} over version {self._before}, request {point} of {self.requests} + {delay * 1000:.1f} ms: exit {code}"
        print(where, flush=True)
        # If the request was the last one, the run may already have exited.
        assert code == -signal.SIGKILL or (code == 0 and point > 0.9 * self.requests), where

        assert self._shell.run(*self._verb) == 0, f"{where}: {self._shell.err}"
        found = comparable(self._client, place)
        assert found == self._wanted, f"{where}: {differences(found, self._wanted)}"

    def _prepare(self, place: str) -> None:
        make_namespace(self._client, place)
        if self._before:
            make_stack(self._shell, place, self._before)
            assert self._shell.run("apply") == 0, self._shell.err
        make_stack(self._shell, place, 2)


@pytest.mark.parametrize(("before", "verb"), [(2, ["delete"]), (0, ["apply", "--prune"]), (1, ["apply", "--prune"])], ids=["delete", "first", "change"])
def test_killed_at_the_last_steps(shell, server, monkeypatch, before, verb):
    """If a run is killed when only its own records are left, the next run removes them."""
    client = admin(server)
    case = Case(shell, client, before, *verb)
    place = f"last-{verb[0]}-{before}"
    case.measure(f"{place}-whole-place", monkeypatch)
    for step in range(6):
        case.kill(f"{place}-{step}-place", case.requests - step)


def test_killed_at_random_points(shell, server, monkeypatch):
    """A killed apply (the first one, or a change with prune and new configuration) or delete is completed by the same command."""
    client, dice = admin(server), random.Random(SEED)
    cases = [Case(shell, client, 1, "apply", "--prune"), Case(shell, client, 0, "apply", "--prune"), Case(shell, client, 2, "delete")]
    for index, case in enumerate(cases):
        case.measure(f"whole-{index}-place", monkeypatch)
    print(f"SEED={SEED} KILLS={KILLS}, requests of undisturbed runs: {[case.requests for case in cases]}", flush=True)

    for turn in range(KILLS):
        # Half of the kills hit a change of an existing stack, which has the most steps.
        case = cases[(0, 1, 0, 2)[turn % 4]]
        case.kill(f"killed-{turn:04d}-place", dice.randint(1, case.requests), dice.choice([0.0, dice.uniform(0, _LATEST_S)]))
