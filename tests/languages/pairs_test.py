"""Tests of each client with each server, on loopback with a Redis Cluster of real redis-server processes."""

import http.client
import itertools
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import grpc
import pytest

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.redis.testing import local_cluster

WORKSPACE = Path(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"])
CLIENTS = {
    "python": WORKSPACE / "tests/languages/python_client",
    "cc": WORKSPACE / "cc/client/client_binary",
    "java": WORKSPACE / "java/com/examples/grpc-redis/client/binary",
}
SERVERS = {
    "python": WORKSPACE / "tests/languages/python_server",
    "go": WORKSPACE / "go/server/server_binary",
    "java": WORKSPACE / "java/com/examples/grpc-redis/server/binary",
}
OPTIONS = {"java": lambda: {"metrics_port": free_port()}}
"""Language to a function that returns the options that only its server has."""
METHODS = ("FindPlace", "ListPlaces", "MeasureRoute", "ExchangeNotes")
SECONDS = 60


def free_port():
    """Returns a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(check, what):
    """Waits until check() is true, and fails with what is missing after SECONDS."""
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, f"after {SECONDS} s: {what}"
        time.sleep(0.05)


class Program:
    """A program of the sample, whose log goes to a file."""

    def __init__(self, path, log, **options):
        """Starts the program with options of its command line."""
        self.log = log
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        # The libraries of redis-server are not for other programs.
        env = {name: value for name, value in os.environ.items() if name not in ("LD_LIBRARY_PATH", "RUNFILES_DIR", "PYTHONPATH")}
        with open(log, "wb") as out:
            self.process = subprocess.Popen([path, *words], stdout=out, stderr=out, env=env)

    def text(self):
        """Returns the log so far."""
        return self.log.read_text()

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """Returns a ready Redis Cluster."""
    with local_cluster.running(tmp_path_factory.mktemp("redis")) as cluster:
        yield cluster


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a program; kills those that still run at the end."""
    programs = []

    def run(path, **options):
        programs.append(Program(path, tmp_path / f"{len(programs)}.log", **options))
        return programs[-1]

    yield run
    for program in programs:
        program.process.kill()
        program.process.wait()
        print(program.text())


def start_server(start, redis, language):
    """Starts a server and returns it with its port."""
    port = free_port()
    own = OPTIONS.get(language, dict)()
    return start(SERVERS[language], port=port, redis_host=redis.ip(0), redis_port=redis.port, redis_password_file=redis.users / "places", **own), port


def ready(port):
    """Returns whether a client's health endpoint says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(("client", "server"), list(itertools.product(CLIENTS, SERVERS)))
def test_each_client_works_with_each_server(redis, start, client, server):
    """The client logs answers to all four methods, is ready, and both stop at SIGTERM with exit code 0."""
    serving, port = start_server(start, redis, server)
    own_port = free_port()
    calling = start(CLIENTS[client], server_host="127.0.0.1", server_port=port, port=own_port, every=0.2)

    origin = f"answered from redis {redis.ip(0).rpartition('.')[0]}."
    until(lambda: all(f" INFO {method} {origin}" in calling.text() for method in METHODS), "a method is not answered")
    until(lambda: ready(own_port), "the client is not ready")
    assert "(CH DE LI) at 47.38 8.53, 2 km away" in calling.text()
    assert [calling.stop(), serving.stop()] == [0, 0]
    assert "stopping" in serving.text()


def answers(redis, start, language):
    """Returns what a server answers to one call of each kind, without the origin."""
    serving, port = start_server(start, redis, language)
    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.RouteGuideStub(channel)
        here = pb.Position(latitude=47.37, longitude=8.54)
        until(lambda: "INFO SERVING" in serving.text(), "the server does not serve")
        found = [
            stub.FindPlace(here),
            *stub.ListPlaces(pb.Area(center=here, radius_km=20_000)),
            stub.MeasureRoute(iter([here, pb.Position(latitude=-33.87, longitude=151.21)])),
            # Of these lengths some differ in the last bits of a sine.
            *(stub.MeasureRoute(iter([here, pb.Position(latitude=latitude, longitude=latitude * 2.1)])) for latitude in range(-80, 81)),
        ]
        for message in found:
            message.ClearField("origin")
        failures = []
        for call in (
            lambda: stub.FindPlace(pb.Position(latitude=91)),
            lambda: list(stub.ListPlaces(pb.Area(center=here, radius_km=-1))),
            lambda: list(stub.ExchangeNotes(iter([pb.Note(place="Nowhere", author="me", text="x")]))),
        ):
            with pytest.raises(grpc.RpcError) as failed:
                call()
            failures.append((failed.value.code(), failed.value.details()))
    serving.stop()
    return found, failures, serving.text()


@pytest.mark.parametrize("language", [language for language in SERVERS if language != "python"])
def test_servers_share_their_data(redis, start, language):
    """Two servers answer alike, byte for byte, and the second finds all places that the first has written."""
    first, first_failures, _ = answers(redis, start, "python")
    second, second_failures, log = answers(redis, start, language)
    _, _, again = answers(redis, start, "python")

    assert len(first) > 300
    assert [message.SerializeToString(deterministic=True) for message in second] == [message.SerializeToString(deterministic=True) for message in first]
    assert second_failures == first_failures
    assert "places (0 written now)" in log
    assert "places (0 written now)" in again


def test_notes_are_shared(redis, start):
    """A note that was left at one server is read at the others."""
    for language, text in (("python", "one"), ("go", "two"), ("java", "three"), ("python", "four")):
        serving, port = start_server(start, redis, language)
        until(lambda serving=serving: "INFO SERVING" in serving.text(), "the server does not serve")
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
            kept = list(pb_grpc.RouteGuideStub(channel).ExchangeNotes(iter([pb.Note(place="Asia/Tokyo", author=language, text=text)])))
        serving.stop()

    assert [(note.note.author, note.note.text) for note in kept] == [("python", "one"), ("go", "two"), ("java", "three")]


def test_go_server_follows_an_outage(tmp_path, start):
    """The Go server is NOT_SERVING while Redis is away, and serves again when it is back."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with local_cluster.running(folder) as cluster:
        serving, _ = start_server(start, cluster, "go")
        until(lambda: "INFO SERVING" in serving.text(), "the server does not serve")
        cluster.stop()
        until(lambda: serving.text().count("INFO NOT_SERVING") == 2, "the server still serves")
        cluster.start()
        until(lambda: serving.text().count("INFO SERVING") == 2, "the server does not serve again")
