"""Tests of the whole server with a Redis Cluster of real processes."""

import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.cluster import RedisCluster

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.redis.testing import local_cluster
from python.redis.testing.local_cluster import eventually
from python.server import main, places, store

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Scene:
    """A server, and stubs to call it."""

    def __init__(self, cluster):
        password_file = cluster.users / "places"
        self.server = main.Server(cluster.ip(0), cluster.port, "127.0.0.1:0", password_file, name="s", probe_every_s=0.2)
        self.server.start()
        options = [("grpc.enable_http_proxy", 0)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.server.port}", options)
        self.guide = pb_grpc.RouteGuideStub(self.channel)
        self._health: Any = health_pb2_grpc.HealthStub(self.channel)

    def health(self, service=""):
        """Returns the health status of a service."""
        request = health_pb2.HealthCheckRequest(service=service)
        return self._health.Check(request, timeout=5).status

    def wait(self, status, timeout_s=30):
        """Waits until the server reports the status, for the server as a whole and for RouteGuide."""
        deadline = time.monotonic() + timeout_s
        while {self.health(), self.health(main.SERVICE)} != {status}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the status is not {status} after {timeout_s} s")
            time.sleep(0.1)

    def close(self):
        """Stops client and server."""
        self.channel.close()
        self.server.stop(drain_s=0, grace_s=1)


@pytest.fixture
def cluster(tmp_path):
    """Returns a cluster of pods that do not run yet."""
    prepared = local_cluster.LocalCluster(tmp_path, ["a", "b"] * 3)
    yield prepared
    prepared.kill()


@pytest.fixture
def scene(cluster):
    """Returns a server that connects to pod 0 of the cluster."""
    running = Scene(cluster)
    yield running
    running.close()


def _find_zurich(scene):
    position = pb.Position(latitude=47.37, longitude=8.54)
    return scene.guide.FindPlace(position, timeout=5)


def test_waits_fills_loses_and_recovers(scene, cluster):
    """The server reports NOT_SERVING without Redis, and SERVING when Redis has all places, also after an outage."""
    scene.wait(NOT_SERVING)
    assert scene.health(main.LIVE) == SERVING
    with pytest.raises(grpc.RpcError) as refused:
        _find_zurich(scene)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE

    cluster.start()
    scene.wait(SERVING)

    answer = _find_zurich(scene)
    assert (answer.place.name, answer.origin.server) == ("Europe/Zurich", "s")
    owners = {f"redis {cluster.ip(n)}:{cluster.port}" for n in cluster.masters()}
    assert answer.origin.store in owners

    cluster.kill()
    scene.wait(NOT_SERVING)
    assert scene.health(main.LIVE) == SERVING

    cluster.start()
    scene.wait(SERVING)
    assert _find_zurich(scene).place.name == "Europe/Zurich"


def test_lost_data_is_written_again(scene, cluster):
    """After the loss of all pods and volumes, a new cluster forms and gets all places."""
    cluster.start()
    scene.wait(SERVING)

    cluster.kill()
    scene.wait(NOT_SERVING)
    for ordinal in range(6):
        cluster.wipe(ordinal)
    cluster.start()
    scene.wait(SERVING)

    assert _find_zurich(scene).place.name == "Europe/Zurich"


def test_a_wrong_password_is_one_sentence(scene, cluster, caplog):
    """With a wrong password the server stays NOT_SERVING and says once what to do; the right one needs no restart."""
    file = cluster.users / "places"
    password = file.read_text()
    cluster.start()
    scene.wait(SERVING)
    cluster.kill()
    scene.wait(NOT_SERVING)
    caplog.clear()
    cluster.start()
    for pod in cluster.pods.values():
        pod.keep_passwords()
    file.write_text("wrong-password")
    cluster.wait_ready()
    eventually(lambda: any("can't be used" in record.getMessage() for record in caplog.records))
    time.sleep(1)

    assert (scene.health(), scene.health(main.LIVE)) == (NOT_SERVING, SERVING)
    sentences = [record.getMessage() for record in caplog.records if "can't be used as user" in record.getMessage()]
    sentence = (
        f"Redis can't be used as user 'places' with the password in {file} (invalid username-password pair or user is disabled). Pods have a changed Secret "
        "within two minutes; if this stays, apply Redis, which makes the Secret redis-users, and restart this server."
    )
    assert sentences == [sentence]
    assert not any(secret in record.getMessage() for record in caplog.records for secret in ("wrong-password", password))
    file.write_text(password)
    scene.wait(SERVING)


def test_the_store_on_real_redis(tmp_path):
    """Filling is idempotent, and searches, places and notes come from Redis."""
    table = places.load()
    with local_cluster.running(tmp_path) as cluster:
        real = store.PlaceStore(store.connect(cluster.ip(0), cluster.port, store.Login(cluster.users / "places")))
        user, password = cluster.make_tester()
        client = RedisCluster(host=cluster.ip(0), port=cluster.port, username=user, password=password)

        assert real.fill(table) == len(table)
        assert real.fill(table) == 0
        assert real.missing(table) == []
        real.probe(len(table))
        with pytest.raises(store.PlacesMissing):
            real.probe(len(table) + 1)

        client.hset("place:Europe/Zurich", "latitude", "0")
        client.delete("place:Europe/Rome")
        assert {place.name for place in real.missing(table)} == {"Europe/Zurich", "Europe/Rome"}
        assert real.fill(table) == 2

        name, distance = real.nearest(47.37, 8.54)
        assert (name, distance < 3) == ("Europe/Zurich", True)
        assert real.get(name) in table
        near = [name for name, _ in real.near(47.37, 8.54, 500)]
        assert near == ["Europe/Zurich", "Europe/Paris", "Europe/Brussels"]
        with pytest.raises(store.UnknownPlace):
            real.get("Nowhere")

        assert real.leave_note("Europe/Rome", "a", "one") == []
        assert [note.text for note in real.leave_note("Europe/Rome", "b", "two")] == ["one"]
        for number in range(20):
            kept = real.leave_note("Europe/Rome", "c", str(number))
        assert [note.text for note in kept] == [str(n) for n in range(9, 19)]
        assert client.ttl("notes:Europe/Rome") > store.NOTES_TTL_S - 60
        real.close()
        # The client library ignores refusals of some commands, but Redis notes them.
        refused = [cluster.ask(ordinal, "ACL", "LOG", logins=[(user, password)]) for ordinal in cluster.pods]
        assert refused == [[]] * 6
        client.close()


def test_usage_is_checked(capsys):
    """A missing and a wrong option exit with code 2 and a message."""
    assert main.main([], {"PORT": "1", "REDIS_HOST": "redis"}) == 2
    assert "--redis-port" in capsys.readouterr().err
    assert main.main(["--port=x"], {"REDIS_HOST": "redis", "REDIS_PORT": "1"}) == 2
    assert "'x' is not a port" in capsys.readouterr().err


def test_a_port_in_use_is_one_sentence(scene, capsys):
    """A port that can't be bound exits with code 1 and one sentence."""
    arguments = [f"--port={scene.server.port}", "--redis-host=127.0.0.1", "--redis-port=1", "--redis-password-file=/nonexistent/redis-users/places"]

    assert main.main(arguments, {}) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert str(scene.server.port) in line
