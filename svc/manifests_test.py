"""Tests of the stack's resolved manifests, in every environment."""

import json
import os
from pathlib import Path

import pytest

DEVELOPER_ENV = os.environ["DEVELOPER_ENV"]
NAMESPACES = json.loads(os.environ["NAMESPACES"])
PACKAGES = ("svc", "python/client", "python/server", "python/redis")


def _objects(env):
    """Returns all objects of the deep target by (kind, name)."""
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
    """Returns the name of each environment in turn."""
    return request.param


def test_the_closure_is_complete(env):
    """The deep target contains workload and Service of all three services, and the stack's own object."""
    redis, server, client = (_service(f"python/{name}")["name"] for name in ("redis", "server", "client"))

    assert {
        ("StatefulSet", redis),
        ("Service", redis),
        ("Service", f"{redis}-nodes"),
        ("NetworkPolicy", redis),
        ("Secret", f"{redis}-users"),
        *(("ServiceAccount", name) for name in (redis, server, client)),
        ("Deployment", server),
        ("Service", server),
        ("Deployment", client),
        ("Service", client),
        ("ConfigMap", "svc-stack"),
    } <= set(_objects(env))


def test_all_objects_are_in_the_environments_namespace(env):
    """All objects of an environment are in its namespace."""
    assert {obj["metadata"]["namespace"] for obj in _objects(env).values()} == {NAMESPACES[env]}


def test_names_and_ports_come_from_the_dependencies(env):
    """Client and server get host and port from the service.yaml of their dependencies."""
    objects, namespace = _objects(env), NAMESPACES[env]
    redis, server, client = (_service(f"python/{name}") for name in ("redis", "server", "client"))

    variables = _environment_of(objects["Deployment", client["name"]])
    assert variables["SERVER_HOST"] == f"{server['name']}.{namespace}.svc"
    assert variables["SERVER_PORT"] == str(server["port"])
    variables = _environment_of(objects["Deployment", server["name"]])
    assert variables["REDIS_HOST"] == f"{redis['name']}.{namespace}.svc"
    assert (variables["REDIS_PORT"], variables["PORT"]) == (str(redis["port"]), str(server["port"]))


def test_a_headless_service_has_the_containers_port(env):
    """The port of a headless Service equals the container's port, because clients connect to the pods directly."""
    server = _service("python/server")
    (container,) = _containers(_objects(env)["Deployment", server["name"]])

    assert {port["containerPort"] for port in container["ports"]} == {server["port"]}


def test_pods_meet_the_restricted_standard(env):
    """Each pod runs as a numeric non-root user without privileges and token, on a read-only file system."""
    for workload in _workloads(env):
        spec = workload["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["serviceAccountName"] == workload["metadata"]["name"]
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
    """Each container has both probes, resource requests and a memory limit."""
    for workload in _workloads(env):
        for container in _containers(workload):
            assert {"readinessProbe", "livenessProbe"} <= set(container)
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_only_the_developers_images_are_built(env):
    """The developer's environment runs the built images by digest; the other environments run only pinned images."""
    for package in PACKAGES[1:]:
        name = package.rpartition("/")[2]
        resolved = json.loads(Path(package, f"{env}.resolved.json").read_text())
        (workload,) = [obj for obj in resolved["objects"] if obj["kind"] in ("Deployment", "StatefulSet")]
        image = _containers(workload)[0]["image"]
        if env == DEVELOPER_ENV or name not in resolved["missing_pins"]:
            assert f"/{package}@sha256:" in image
        else:
            assert "@" not in image  # not a reference of a registry; apply rejects it before it sends anything


def test_redis_can_form_its_cluster(env):
    """Six pods start at the same time and find each other before they are ready, half of them on each of two nodes."""
    redis = _service("python/redis")["name"]
    objects = _objects(env)
    statefulset, peers = objects["StatefulSet", redis]["spec"], objects["Service", f"{redis}-nodes"]["spec"]

    assert (statefulset["replicas"], statefulset["podManagementPolicy"]) == (6, "Parallel")
    assert (statefulset["serviceName"], peers["clusterIP"]) == (f"{redis}-nodes", "None")
    assert peers["publishNotReadyAddresses"] is True
    spreads = statefulset["template"]["spec"]["topologySpreadConstraints"]
    (spread,) = [spread for spread in spreads if spread["topologyKey"] == "kubernetes.io/hostname"]
    assert (spread["maxSkew"], spread["whenUnsatisfiable"]) == (1, "DoNotSchedule")


def test_passwords_are_files_of_one_secret(env):
    """Redis's Secret has no value in the manifest; its pods mount all users, the server its own, and no variable or argument has one."""
    redis, server = (_service(f"python/{name}")["name"] for name in ("redis", "server"))
    objects = _objects(env)
    secret = objects["Secret", f"{redis}-users"]
    assert secret["metadata"]["annotations"]["turnup/generate"] == "agent, replica, places" and not {"data", "stringData"} & secret.keys()

    mounted: list[tuple[tuple[str, str], str, list[str]]] = [
        (("StatefulSet", redis), "USERS_DIR", []),
        (("Deployment", server), "REDIS_PASSWORD_FILE", ["places"]),
    ]
    for workload, variable, keys in mounted:
        spec = objects[workload]["spec"]["template"]["spec"]
        (volume,) = [volume for volume in spec["volumes"] if "secret" in volume]
        (mount,) = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["name"] == volume["name"]]
        assert volume["secret"]["secretName"] == f"{redis}-users" and volume["secret"]["defaultMode"] == 0o440
        assert volume["secret"].get("items", []) == [{"key": key, "path": key} for key in keys]
        assert mount == {"name": volume["name"], "mountPath": f"/run/secrets/{redis}-users", "readOnly": True}
        assert _environment_of(objects[workload])[variable].startswith(mount["mountPath"])
        assert "secretKeyRef" not in json.dumps(spec)


def test_environments_differ_in_namespace_and_image_only():
    """Environments differ only in namespace and images, so a test in one is valid for the next."""

    def normal(env):
        text = json.dumps([obj for _, obj in sorted(_objects(env).items())], sort_keys=True)
        for package in PACKAGES[1:]:
            resolved = json.loads(Path(package, f"{env}.resolved.json").read_text())
            for workload in (obj for obj in resolved["objects"] if obj["kind"] in ("Deployment", "StatefulSet")):
                text = text.replace(json.dumps(_containers(workload)[0]["image"]), '"IMAGE"')
        text = text.replace(f'"namespace": "{NAMESPACES[env]}"', '"namespace": "NS"')
        text = text.replace(f".{NAMESPACES[env]}.svc", ".NS.svc").replace(f':{env}"', ':ENV"')
        return text.replace(f'"environment": "{env}"', '"environment": "ENV"')

    assert len({normal(env) for env in NAMESPACES}) == 1
