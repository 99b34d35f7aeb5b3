"""Many random failures: after each, all four RPCs succeed again.

The short form, with one failure of each kind, is //tests/e2e:deep_test. $ROUNDS (30), $FAILURES (kinds of failures; repeat
one to make it more likely) and $SEED choose the rounds. The test prints the seed, so that a failed run can be repeated.
"""

import os
import random
import time

import pytest

from tests.e2e import stack as stacks
from tests.e2e.cluster import PrivateCluster, bazel_program

ROUNDS = int(os.environ.get("ROUNDS", "30"))
FAILURES = os.environ.get("FAILURES", "pod pod pod pod node stop").split()
SEED = int(os.environ.get("SEED", time.time_ns() % 2**32))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Returns a two-node cluster that runs the whole stack, and deletes it at the end."""
    with PrivateCluster(tmp_path_factory.mktemp("cluster")) as created:
        created.run(bazel_program("prod/setup.apply.sh"), "--wait")
        created.run(bazel_program(f"svc/{created.environment}-deep.apply.sh"), "--wait")
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


def test_client_recovers_from_random_failures(cluster):
    """After each of ROUNDS random failures, all pods become ready and all RPCs succeed again."""
    stack = stacks.Stack(cluster.kubeconfig, cluster.context, cluster.namespace)
    dice = random.Random(SEED)
    print(f"SEED={SEED} ROUNDS={ROUNDS}", flush=True)
    for number in range(1, ROUNDS + 1):
        start = time.monotonic()
        broken = _fail(cluster, stack, dice)
        try:
            stacks.wait_for(f"round {number} ({broken}): six ready Redis pods", lambda: len(stack.ready_pods(stacks.REDIS)) == 6, 240)
            stack.wait_for_answers(stacks.now(), deadline_s=120)
        except AssertionError:
            print(stack.report())
            for pod in stack.pods(stacks.REDIS):
                print(pod.metadata.name, pod.status.pod_ip)
                print(cluster.kubectl("exec", "-n", stack.namespace, pod.metadata.name, "--", "redis-cli", "cluster", "nodes"), flush=True)
            raise
        print(f"round {number}: {broken}: answers again after {time.monotonic() - start:.1f} s", flush=True)
