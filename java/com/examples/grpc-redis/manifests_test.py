"""Tests of the resolved manifests of the Java services, in every environment."""

import json
import os
from pathlib import Path

import pytest

ENVS = os.environ["ENVS"].split()
CLIENT = "java/com/examples/grpc-redis/client"
SERVER = "java/com/examples/grpc-redis/server"


def _resolved(package, env):
    return json.loads(Path(package, f"{env}.resolved.json").read_text())


def _container(package, env):
    """Returns the only container of a package's Deployment."""
    (deployment,) = [obj for obj in _resolved(package, env)["objects"] if obj["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container


def _variables(container):
    return {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.mark.parametrize("env", ENVS)
def test_the_closure_is_client_server_and_redis(env):
    """The deep target of the client contains the client, its server and Redis, and nothing else."""
    packages = {str(path.parent) for path in Path(".").rglob(f"{env}.resolved.json")}

    assert packages == {CLIENT, SERVER, "python/redis"}


@pytest.mark.parametrize("env", ENVS)
def test_names_and_ports_come_from_service_yaml(env):
    """The client calls the server at the name and port of its service.yaml, and the server calls Redis likewise."""
    client, server = _variables(_container(CLIENT, env)), _variables(_container(SERVER, env))
    guide, redis = (json.loads(Path(package, "service.json").read_text()) for package in (SERVER, "python/redis"))
    namespace = _resolved(CLIENT, env)["namespace"]

    assert (client["SERVER_HOST"], client["SERVER_PORT"]) == (f"{guide['name']}.{namespace}.svc", str(guide["port"]))
    assert (server["REDIS_HOST"], server["REDIS_PORT"]) == (f"{redis['name']}.{namespace}.svc", str(redis["port"]))
    assert (server["PORT"], server["METRICS_PORT"]) == (str(guide["port"]), str(guide["ports"]["metrics"]))


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("package", [CLIENT, SERVER])
def test_a_jvm_has_memory_beyond_its_heap(package, env):
    """A limit leaves 128 MiB for classes, compiled code and buffers beside the heap, which takes 60 % of it."""
    limit = _container(package, env)["resources"]["limits"]["memory"]

    assert limit.endswith("Mi")
    assert int(limit.removesuffix("Mi")) * 0.4 >= 128


@pytest.mark.parametrize("env", ENVS)
def test_a_rollout_of_the_server_starts_all_pods_at_once(env):
    """New pods need not wait for each other, and no old pod ends before a new one is ready."""
    (deployment,) = [obj for obj in _resolved(SERVER, env)["objects"] if obj["kind"] == "Deployment"]

    assert deployment["spec"]["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}


@pytest.mark.parametrize("env", ENVS)
def test_the_liveness_of_the_server_ignores_redis(env):
    """Readiness asks for the whole server, liveness for the process."""
    container = _container(SERVER, env)

    assert container["livenessProbe"]["grpc"]["service"] == "live"
    assert "service" not in container["readinessProbe"]["grpc"]
