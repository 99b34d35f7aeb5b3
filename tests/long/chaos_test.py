"""Many random failures: after each, all four RPCs succeed again, and every acknowledged write is still there.

The short form, with one failure of each kind, is //tests/e2e:deep_test. $ROUNDS (30), $FAILURES (kinds of failures; repeat
one to make it more likely) and $SEED choose the rounds, and $BUSY (0) the number of busy loops beside them. The test prints the
seed, so that a failed run can be repeated.
"""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.e2e import stack as stacks
from tests.e2e.cluster import PrivateCluster, bazel_program
from tests.long.ledger import Ledger

ROUNDS = int(os.environ.get("ROUNDS", "30"))
FAILURES = os.environ.get("FAILURES", "pod pod pod pod node stop").split()
SEED = int(os.environ.get("SEED", time.time_ns() % 2**32))
BUSY = int(os.environ.get("BUSY", "0"))
READY_WITHIN_S = 60.0
"""Seconds after a repaired failure within which every Redis pod must be ready."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Returns a two-node cluster that runs the whole stack, and deletes it at the end."""
    with PrivateCluster(tmp_path_factory.mktemp("cluster")) as created:
        created.run(bazel_program("prod/setup.apply"), "--wait")
        created.run(bazel_program(f"svc/{created.environment}-deep.apply"), "--wait")
        yield created


def _fail(cluster: PrivateCluster, stack: stacks.Stack, dice: random.Random) -> str:
    """Causes a random failure, repairs a lost node, and returns a description of the failure."""
    what = dice.choice(FAILURES)
    if what == "pod":
        service = dice.choice([stacks.REDIS, stacks.SERVER, stacks.CLIENT])
        stack.delete_pod(service)
        return f"a pod of {service} killed"
    if what == "node":
        node = stack.nodes()[1]
        cluster.kill_node(2)
        stacks.wait_for(f"{node} not ready", lambda: not stack.node_ready(node), deadline_s=90)
        cluster.turnup("start")
        return f"{node} killed and started again"
    cluster.turnup("stop")
    cluster.turnup("start")
    return "the cluster stopped and started"


@contextlib.contextmanager
def _busy_loops(count: int) -> Iterator[None]:
    """Runs processes that take all the processor time they get."""
    loops = [subprocess.Popen([sys.executable, "-ISc", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_client_recovers_from_random_failures(cluster):
    """After each of ROUNDS random failures, all pods become ready, all RPCs succeed, and no acknowledged write is lost."""
    stack = stacks.Stack(cluster.kubeconfig, cluster.context, cluster.namespace)
    ledger = Ledger(lambda: stack.addresses(stacks.REDIS), lambda: stack.secret(f"{stacks.REDIS}-users", "agent"))
    dice = random.Random(SEED)
    print(f"SEED={SEED} ROUNDS={ROUNDS} BUSY={BUSY} FAILURES={' '.join(FAILURES)}", flush=True)
    slowest = 0.0
    with _busy_loops(BUSY):
        for number in range(1, ROUNDS + 1):
            before = len(ledger.acknowledged)
            broken, ready_s = _play_round(cluster, stack, ledger, dice)
            lost = _lost(ledger, before)
            if lost:
                _explain(cluster, stack)
            assert lost == [], f"round {number} ({broken}): of {len(ledger.acknowledged) - before} acknowledged writes"
            slowest, written = max(slowest, ready_s), len(ledger.acknowledged) - before
            print(f"round {number}: {broken}: ready after {ready_s:.1f} s (slowest {slowest:.1f} s), {written} acknowledged writes read back", flush=True)
    assert _lost(ledger, 0) == []
    print(f"{ROUNDS} rounds, slowest {slowest:.1f} s, all {len(ledger.acknowledged)} acknowledged writes read back", flush=True)


def _lost(ledger: Ledger, first: int) -> list[str]:
    """Returns the acknowledged writes that Redis no longer has, from the given number on, as soon as it answers all reads."""
    return stacks.wait_for("an answer to each read", lambda: [ledger.lost(first)], 60)[0]


def _play_round(cluster: PrivateCluster, stack: stacks.Stack, ledger: Ledger, dice: random.Random) -> tuple[str, float]:
    """Causes and repairs one failure while the ledger writes, and waits until everything works again.

    Returns:
        What failed, and the seconds from its repair until all Redis pods were ready.
    """
    with ledger.writing():
        broken = _fail(cluster, stack, dice)
        repaired = time.monotonic()
        try:
            stacks.wait_for(f"{broken}: six ready Redis pods", lambda: len(ledger.ready_pods()) == 6, READY_WITHIN_S)
            ready_s = time.monotonic() - repaired
            stack.wait_for_answers(stacks.now(), deadline_s=120)
            seen = len(ledger.acknowledged)
            stacks.wait_for(f"{broken}: ten more writes", lambda: len(ledger.acknowledged) >= seen + 10, 60)
        except AssertionError:
            _explain(cluster, stack)
            print(f"the newest write: {ledger.problem or 'acknowledged'}", flush=True)
            raise
    return broken, ready_s


def _explain(cluster: PrivateCluster, stack: stacks.Stack) -> None:
    """Prints every pod, and each Redis's view of the cluster."""
    print(stack.report())
    for pod in stack.pods(stacks.REDIS):
        print(pod.metadata.name, pod.status.pod_ip)
        print(cluster.attempt_kubectl("logs", "-n", stack.namespace, pod.metadata.name, "--timestamps"), flush=True)
        commands = f"AUTH agent {stack.secret(f'{stacks.REDIS}-users', 'agent')}\nCLUSTER NODES\nINFO replication\n"
        words = ("exec", "-i", "-n", stack.namespace, pod.metadata.name, "--", "redis-cli", "-h", pod.status.pod_ip)
        print(cluster.attempt_kubectl(*words, stdin=commands), flush=True)
