"""Tests that a service is a service in whatever language it is written: every client works with every server.

The tests share one cluster and run in the order in which they are written.
"""

import functools
import itertools
import json
import os
import re
from pathlib import Path

import pytest

from tests.e2e import stack as stacks
from tests.e2e.cluster import PrivateCluster, bazel_program

JAVA_CLIENT = "routeguide-client-java"
JAVA_SERVER = "routeguide-server-java"
CLIENTS = os.environ["CLIENTS"].split()
SERVERS = {language: json.loads(Path(path).read_text())["name"] for language, path in json.loads(os.environ["SERVERS"]).items()}
PAIRS = list(itertools.product(CLIENTS, SERVERS))
ROUNDS = 8
"""Rounds in which a client visits all of its positions once."""

_ANSWER = re.compile(rf"({'|'.join(stacks.METHODS)}) answered from redis (\S+) by (\S+): (.*) \(\d+ ms\)$")
"""One answered call in a client's log: method, Redis node, server pod, and the described response."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A new cluster of two nodes in its own network with the setup, deleted at the end."""
    with PrivateCluster(tmp_path_factory.mktemp("cluster")) as created:
        created.run(bazel_program("prod/setup.apply"), "--wait")
        yield created


@pytest.fixture(scope="module")
def stack(cluster):
    """The namespace of the built targets."""
    return stacks.Stack(cluster.kubeconfig, cluster.context, cluster.namespace)


def _service(client, server):
    return f"{client}-client-of-{server}"


def _answers(stack, service):
    """Returns method → the described responses in the log of a client, oldest first, each with the pod that answered."""
    found = {method: [] for method in stacks.METHODS}
    for line in stack.log(service):
        if called := _ANSWER.search(line):
            found[called[1]].append((called[4], called[3]))
    return found


def _all_rounds(stack, service):
    """Returns the answers of a client once it has made all rounds; None before."""
    found = _answers(stack, service)
    return found if all(len(calls) >= ROUNDS for calls in found.values()) else None


def test_one_command_starts_the_java_stack(cluster, stack):
    """The deep apply of the Java client starts client, server and Redis, and nothing else, and ends when all are ready."""
    start = stacks.now()
    cluster.run(bazel_program(f"java/com/examples/grpc-redis/client/{cluster.environment}-deep.apply"), "--wait")

    assert [len(stack.ready_pods(name)) for name in (JAVA_CLIENT, JAVA_SERVER, stacks.REDIS)] == [1, 2, 6]
    assert set(stack.wait_for_answers(start, 60, JAVA_CLIENT)) == set(stacks.METHODS)
    workloads = cluster.kubectl("get", "deployments,statefulsets", "-n", stack.namespace, "-o", "name").split()
    assert sorted(name.rpartition("/")[2] for name in workloads) == sorted([JAVA_CLIENT, JAVA_SERVER, stacks.REDIS])


def test_every_client_starts_with_every_server(cluster, stack):
    """All servers and a client in each language for each server become ready in one stack with one Redis."""
    cluster.run(bazel_program("tests/e2e/languages.apply"), "--wait")

    for pair in PAIRS:
        assert len(stack.ready_pods(_service(*pair))) == 1, pair


@pytest.mark.parametrize(("client", "server"), PAIRS)
def test_a_client_gets_its_answers_from_its_server(stack, client, server):
    """Each answer of a client comes from a pod of the server that its manifests name."""
    service = _service(client, server)
    calls = stacks.wait_for(f"{ROUNDS} rounds of {service}", functools.partial(_all_rounds, stack, service), deadline_s=120)

    pods = {pod.metadata.name for pod in stack.pods(SERVERS[server])}
    assert {pod for answers in calls.values() for _, pod in answers} <= pods


@pytest.mark.parametrize("method", ["FindPlace", "ListPlaces", "MeasureRoute"])
def test_all_pairs_log_the_same_responses(stack, method):
    """At each position of a tour, every client describes the response of every server with the same words."""
    described = {pair: [text for text, _ in _answers(stack, _service(*pair))[method][:ROUNDS]] for pair in PAIRS}

    expected = described[PAIRS[0]]
    assert len(expected) == ROUNDS
    assert "Europe/Zurich" in expected[0]
    assert described == dict.fromkeys(PAIRS, expected)


def test_all_pairs_see_the_same_notes(stack):
    """Every client gets earlier notes with author, age and text, and the notes of one client reach the others' servers."""
    clients = {pod.metadata.name: pair for pair in PAIRS for pod in stack.pods(_service(*pair))}
    left = re.compile(r"(\d+) notes left at Europe/London, the last by (\S+) \d+ s ago: 'round \d+'")
    most = {}
    for pair in PAIRS:
        notes = [left.fullmatch(text) for text, _ in _answers(stack, _service(*pair))["ExchangeNotes"]]
        assert all(notes), pair
        assert {note[2] for note in notes} <= clients.keys() | {pod.metadata.name for pod in stack.pods(JAVA_CLIENT)}, pair
        most[pair] = max(int(note[1]) for note in notes)
    # A client alone leaves two notes a round, and reads at most the ten that are kept before each of them.
    assert all(count > 2 for count in most.values()), most


@pytest.mark.parametrize("server", SERVERS.values())
def test_a_server_takes_over_the_data_of_the_others(cluster, stack, server):
    """A new pod of each server finds all places that another language wrote, and writes none itself."""
    before = {pod.metadata.uid for pod in stack.pods(server)}
    cluster.kubectl("rollout", "restart", "-n", stack.namespace, f"deployment/{server}")
    cluster.kubectl("rollout", "status", "-n", stack.namespace, f"deployment/{server}", "--timeout=120s")
    stacks.wait_for(f"only new pods of {server}", lambda: not before & {pod.metadata.uid for pod in stack.pods(server)}, deadline_s=60)

    filled = [line for line in stack.log(server) if "Redis has all" in line]
    assert len(filled) >= 2
    assert all("(0 written now)" in line for line in filled), filled
