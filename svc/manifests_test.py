"""Tests of the stack's manifests as they would be sent, in every environment."""

import json
import os
from pathlib import Path

import pytest

NAMESPACES = json.loads(os.environ["NAMESPACES"])
PACKAGES = ("svc", "python/client", "python/server", "python/redis")


def _objects(env):
    """All objects of the deep target, by (kind, name)."""
    found = {}
    for package in PACKAGES:
        resolved = json.loads(Path(package, f"{env}.resolved.json").read_text())
        for obj in resolved["objects"]:
            found[obj["kind"], obj["metadata"]["name"]] = obj
    return found


def _service(package):
    return json.loads(Path(package, "service.json").read_text())


def _workloads(env):
    return [obj for (kind, _), obj in _objects(env).items() if kind in ("Deployment", "StatefulSet")]


def _containers(workload):
    return workload["spec"]["template"]["spec"]["containers"]


def _environment_of(workload):
    return {var["name"]: var.get("value") for var in _containers(workload)[0]["env"]}


@pytest.fixture(params=sorted(NAMESPACES))
def env(request):
    """Each environment in turn."""
    return request.param


def test_the_closure_is_complete(env):
    """The deep target holds the workload and the Service of each of the three services, and the stack's own object."""
    redis, server, client = (_service(f"python/{name}")["name"] for name in ("redis", "server", "client"))

    assert {
        ("StatefulSet", redis),
        ("Service", redis),
        ("Service", f"{redis}-nodes"),
        ("NetworkPolicy", redis),
        ("Deployment", server),
        ("Service", server),
        ("Deployment", client),
        ("Service", client),
        ("ConfigMap", "svc-stack"),
    } <= set(_objects(env))


def test_all_lies_in_the_environments_namespace(env):
    """No object of one environment lies in another's namespace, or outside any."""
    assert {obj["metadata"]["namespace"] for obj in _objects(env).values()} == {NAMESPACES[env]}


def test_names_and_ports_come_from_the_dependencies(env):
    """Client and server are told what stands in the service.yaml of what they call."""
    objects, namespace = _objects(env), NAMESPACES[env]
    redis, server, client = (_service(f"python/{name}") for name in ("redis", "server", "client"))

    told = _environment_of(objects["Deployment", client["name"]])
    assert told["SERVER_HOST"] == f"{server['name']}.{namespace}.svc"
    assert told["SERVER_PORT"] == str(server["port"])
    told = _environment_of(objects["Deployment", server["name"]])
    assert told["REDIS_HOST"] == f"{redis['name']}.{namespace}.svc"
    assert (told["REDIS_PORT"], told["PORT"]) == (str(redis["port"]), str(server["port"]))


def test_a_headless_service_has_the_containers_port(env):
    """Who looks a headless Service up connects to the pods themselves, so both ports must be equal."""
    server = _service("python/server")
    (container,) = _containers(_objects(env)["Deployment", server["name"]])

    assert {port["containerPort"] for port in container["ports"]} == {server["port"]}


def test_pods_meet_the_restricted_standard(env):
    """Each pod runs as a numeric user without rights, without a token, on a read-only file system."""
    for workload in _workloads(env):
        spec = workload["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }


def test_pods_are_probed_and_limited(env):
    """Each container has both probes, says what it needs, and cannot take a node's memory."""
    for workload in _workloads(env):
        for container in _containers(workload):
            assert {"readinessProbe", "livenessProbe"} <= set(container)
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_only_the_developers_images_are_built(env):
    """myns runs what was built, by digest; the other environments run pins only."""
    for package in PACKAGES[1:]:
        name = package.rpartition("/")[2]
        resolved = json.loads(Path(package, f"{env}.resolved.json").read_text())
        (workload,) = [obj for obj in resolved["objects"] if obj["kind"] in ("Deployment", "StatefulSet")]
        image = _containers(workload)[0]["image"]
        if env == "myns" or name not in resolved["missing_pins"]:
            assert f"/{package}@sha256:" in image
        else:
            assert "@" not in image  # a name that no registry has: apply refuses it before anything is sent


def test_redis_can_form_its_cluster(env):
    """Six pods start together and find each other before they are ready, half of them on each of two nodes."""
    redis = _service("python/redis")["name"]
    objects = _objects(env)
    statefulset, peers = objects["StatefulSet", redis]["spec"], objects["Service", f"{redis}-nodes"]["spec"]

    assert (statefulset["replicas"], statefulset["podManagementPolicy"]) == (6, "Parallel")
    assert (statefulset["serviceName"], peers["clusterIP"]) == (f"{redis}-nodes", "None")
    assert peers["publishNotReadyAddresses"] is True
    (spread,) = statefulset["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["maxSkew"], spread["whenUnsatisfiable"]) == (1, "DoNotSchedule")


def test_environments_differ_in_namespace_and_image_only():
    """What was tried in one environment is what the next one gets."""

    def normal(env):
        text = json.dumps([obj for _, obj in sorted(_objects(env).items())], sort_keys=True)
        for package in PACKAGES[1:]:
            resolved = json.loads(Path(package, f"{env}.resolved.json").read_text())
            for workload in (obj for obj in resolved["objects"] if obj["kind"] in ("Deployment", "StatefulSet")):
                text = text.replace(json.dumps(_containers(workload)[0]["image"]), '"IMAGE"')
        text = text.replace(f'"namespace": "{NAMESPACES[env]}"', '"namespace": "NS"')
        text = text.replace(f".{NAMESPACES[env]}.svc", ".NS.svc").replace(f":{env}\"", ':ENV"')
        return text.replace(f'"environment": "{env}"', '"environment": "ENV"')

    assert len({normal(env) for env in NAMESPACES}) == 1
