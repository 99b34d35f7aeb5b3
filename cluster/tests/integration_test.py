"""Tests of a real cluster, from create to delete. They need root and build on each other, in this order.

They have their own network namespace, state folder and kubeconfig, so that nothing conflicts with a user's cluster.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.embedded.nodes.bounds import machine_size
from cluster.images.archives import executable_image
from cluster.programs import build
from cluster.programs.toolchain import find_go
from cluster.tests import registry
from cluster.tests.machine import Machine, eventually, fetch, own_network, traces

_NAME, _SUBNET = "itest", "172.30.7.0/28"
_NODES = {"itest-1": "172.30.7.2", "itest-2": "172.30.7.3"}
_OTHER, _OTHER_SUBNET = "itest-b", "172.30.8.0/28"
_IMAGE = "turnup.local/probe:1"
_REGISTRY_PORT = 5001
# The share of this machine with which each of two nodes has 1 GiB, so that a test of the bounds needs no more.
_SHARE = min(75, 1 + 100 * (2 << 30) // machine_size().memory)
_OPTIONS = ("--share", str(_SHARE), "--host-port", str(_REGISTRY_PORT))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine for this module; at the end it deletes what a failed test left behind."""
    import sys

    binaries = build.ensure(Progress(sys.stderr))
    own_network()
    made = Machine(tmp_path_factory.mktemp("machine"), binaries.kubernetes / "kubectl")
    yield made
    for name in (_NAME, _OTHER):
        made.run("delete", "--name", name)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image archive of the probe program."""
    folder = tmp_path_factory.mktemp("probe")
    runner = ProcessRunner()
    go = find_go(runner).executable(Progress())
    source = Path(__file__).resolve().parent / "probe"
    runner.run([str(go), "build", "-trimpath", "-buildvcs=false", "-o", str(folder / "probe"), "."], cwd=source, env={**os.environ, "CGO_ENABLED": "0"})
    executable_image(folder / "probe.tar", _IMAGE, folder / "probe", ["/bin/probe"])
    return folder / "probe.tar"


@pytest.fixture(scope="module")
def cluster(machine: Machine) -> dict[str, list[str]]:
    """The cluster that most tests share; returns the machine's traces from before the creation."""
    (machine.folder / "registries.yaml").write_text(f'mirrors: {{"172.30.7.1:{_REGISTRY_PORT}": {{endpoint: ["http://172.30.7.1:{_REGISTRY_PORT}"]}}}}\n')
    before = traces(machine, [_NAME])
    machine.run("create", "--name", _NAME, "--subnet", _SUBNET, *_OPTIONS, "--registries", str(machine.folder / "registries.yaml"))
    return before


@pytest.fixture(scope="module")
def pods(machine: Machine, cluster: object, archive: Path) -> None:
    """The probe on every node, behind NodePort 30080, and behind 30081 for each node's own pod."""
    machine.run("load-image", "--name", _NAME, "--image", _IMAGE, str(archive))
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    machine.kube(
        "apply",
        "-f",
        "-",
        cluster=_NAME,
        stdin=[_workload("DaemonSet", "web", env=[node]), _service("web", "web", 30080), _service("local", "web", 30081, "Local")],
    )
    machine.rolled_out("daemonset/web", cluster=_NAME)


def _workload(kind: str, name: str, image: str = _IMAGE, policy: str = "Never", **container: object) -> dict:
    probe = {"httpGet": {"path": "/name", "port": 8080}, "periodSeconds": 1}
    pod = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": True},
        "containers": [{"name": name, "image": image, "imagePullPolicy": policy, "readinessProbe": probe, **container}],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": name}}, "template": template}}


def _service(name: str, app: str, port: int, traffic: str = "Cluster") -> dict:
    spec = {"type": "NodePort", "selector": {"app": app}, "externalTrafficPolicy": traffic, "ports": [{"port": 80, "targetPort": 8080, "nodePort": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _pids(machine: Machine) -> dict[int, int]:
    return {number: json.loads((machine.state_dir / _NAME / "nodes" / str(number) / "init.json").read_text())["pid"] for number in (1, 2)}


def _ready_nodes(machine: Machine) -> set[str]:
    items = json.loads(machine.kube("get", "nodes", "-o", "json", cluster=_NAME))["items"]
    return {
        item["metadata"]["name"]
        for item in items
        for condition in item["status"]["conditions"]
        if (condition["type"], condition["status"]) == ("Ready", "True")
    }


def test_every_program_answers(machine: Machine) -> None:
    """Each program of the multi-call binary starts under its own name."""
    for name in build.modules()[0].links:
        done = subprocess.run([machine.kubectl.parent / name, "--help"], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert name.removeprefix("kube-") in done.stdout + done.stderr


def test_create(machine: Machine, cluster: object) -> None:
    """Both nodes are Ready with our version at their fixed addresses, and there is no current context."""
    items = json.loads(machine.kube("get", "nodes", "-o", "json", cluster=_NAME))["items"]
    addresses = {item["metadata"]["name"]: next(entry["address"] for entry in item["status"]["addresses"] if entry["type"] == "InternalIP") for item in items}

    assert addresses == _NODES
    assert _ready_nodes(machine) == set(_NODES)
    assert {item["status"]["nodeInfo"]["kubeletVersion"] for item in items} == {build.kubernetes_version()}
    assert "current-context" not in machine.kubeconfig.read_text()
    assert machine.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_create_again_is_a_no_op(machine: Machine, cluster: object) -> None:
    """create does not change a healthy cluster: the same processes run afterwards."""
    before = _pids(machine)
    _, stderr = machine.run("create", "--name", _NAME, "--subnet", _SUBNET, *_OPTIONS)

    assert "exists and is healthy: nothing to do" in stderr
    assert _pids(machine) == before


def test_secrets_are_for_root_only(machine: Machine, cluster: object) -> None:
    """Only the owner can read keys and enter the cluster's folder."""
    folder = machine.state_dir / _NAME

    assert folder.stat().st_mode & 0o777 == 0o700
    for path in [*folder.rglob("*.key"), *folder.rglob("*.kubeconfig")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_secrets_are_encrypted(machine: Machine, cluster: object) -> None:
    """etcd's files have the content of a ConfigMap, and that of no Secret."""
    for kind, mark in (("configmap", "open-4711-value"), ("secret", "hidden-4712-value")):
        secret = ("generic",) if kind == "secret" else ()
        machine.kube("create", kind, *secret, "marked", f"--from-literal=key={mark}", cluster=_NAME)
    stored = b"".join(path.read_bytes() for path in (machine.state_dir / _NAME / "etcd").rglob("*") if path.is_file())

    assert b"open-4711-value" in stored
    assert b"hidden-4712-value" not in stored and base64.b64encode(b"hidden-4712-value") not in stored
    assert "hidden-4712-value" in base64.b64decode(machine.kube("get", "secret", "marked", "-o", "jsonpath={.data.key}", cluster=_NAME)).decode()


def test_the_administrator_can_be_shut_out(machine: Machine, cluster: object) -> None:
    """The kubeconfig's user has the rights of a role binding, not those of system:masters."""
    said = json.loads(machine.kube("auth", "whoami", "-o", "json", cluster=_NAME))["status"]["userInfo"]

    assert "turnup:administrators" in said["groups"] and "system:masters" not in said["groups"]


def test_pods_do_not_reach_the_node(machine: Machine, cluster: object) -> None:
    """A namespace that says nothing refuses a pod with the node's files, processes or network; one that says so takes it."""
    pod = {**_taker("memory", 0), "metadata": {"name": "reaching"}}
    for reach in ({"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, {"hostPID": True}, {"hostNetwork": True}):
        wanted = {**pod, "spec": {**pod["spec"], **reach}}
        with pytest.raises(AssertionError, match='violates PodSecurity "baseline'):
            machine.kube("create", "--dry-run=server", "-f", "-", cluster=_NAME, stdin=[wanted])
    machine.kube("create", "namespace", "open", cluster=_NAME)
    machine.kube("label", "namespace", "open", "pod-security.kubernetes.io/enforce=privileged", cluster=_NAME)
    machine.kube("create", "--dry-run=server", "--namespace=open", "-f", "-", cluster=_NAME, stdin=[wanted])


def test_strangers_are_refused(machine: Machine, cluster: object) -> None:
    """Neither the API server nor kubelet accepts a client without a certificate."""
    import ssl
    import urllib.error
    import urllib.request

    blind = ssl._create_unverified_context()  # noqa: S323  # a stranger has no authority to check by
    for url in ("https://172.30.7.2:6443/api/v1/nodes", "https://172.30.7.3:10250/pods"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=blind)).open(url, timeout=10)
        assert error.value.code == 401, url


def _answer_together(url: str) -> bool:
    """Returns whether the pods of all nodes, and only those, answer at a URL."""
    return {fetch(url) for _ in range(20)} == set(_NODES)


def test_pods_reach_each_other(machine: Machine, pods: object) -> None:
    """From a pod on each node, the Service's DNS name reaches pods on both nodes, and so does each NodePort."""
    for address in _NODES.values():
        for url in (f"http://{address}:30081/fetch?url=http://web.default.svc.cluster.local/name", f"http://{address}:30080/name"):
            # The rules of a new Service reach each node's kernel a moment after its pods are Ready.
            eventually(f"both pods behind {url}", functools.partial(_answer_together, url))
        assert fetch(f"http://{address}:30081/fetch?url=http://172.30.7.2:30080/name") in _NODES


def test_outside_names_are_refused_at_once(machine: Machine, pods: object) -> None:
    """A query for a name outside the cluster is answered at once."""
    begin = time.monotonic()
    with pytest.raises(OSError, match="lookup outside.example"):
        fetch(f"http://{_NODES['itest-2']}:30081/fetch?url=http://outside.example/")

    assert time.monotonic() - begin < 3


def test_exec_and_logs(machine: Machine, pods: object) -> None:
    """kubectl exec and logs reach a pod on either node."""
    for pod in machine.kube("get", "pods", "-l", "app=web", "-o", "name", cluster=_NAME).split():
        assert machine.kube("exec", pod, "--", "/bin/probe", "hello", cluster=_NAME) == "hello\n"
        assert "probe is listening" in machine.kube("logs", pod, cluster=_NAME)


def test_plain_http_registry(machine: Machine, cluster: object, archive: Path) -> None:
    """A node pulls without TLS from a registry that is in registries.yaml."""
    server = registry.serve(archive, "172.30.7.1", _REGISTRY_PORT)
    try:
        machine.kube("apply", "-f", "-", cluster=_NAME, stdin=[_workload("Deployment", "pulled", f"172.30.7.1:{_REGISTRY_PORT}/probe:2", "Always")])
        machine.rolled_out("deployment/pulled", cluster=_NAME)
    finally:
        server.shutdown()
    machine.kube("delete", "deployment", "pulled", "--wait=false", cluster=_NAME)


def _has_ended(machine: Machine, pod: str, namespace: str = "default") -> bool:
    """Returns whether a pod has ended; another pod of its node must answer meanwhile."""
    assert fetch("http://172.30.7.3:30081/name") == "itest-2"
    return machine.kube("get", "pod", pod, f"--namespace={namespace}", "-o", "jsonpath={.status.phase}", cluster=_NAME) in ("Succeeded", "Failed")


def _taker(what: str, most: int) -> dict[str, Any]:
    """Returns a pod without limits on node 2 that takes up to so many mebibytes or processes."""
    container = {"name": "main", "image": _IMAGE, "imagePullPolicy": "Never", "command": ["/bin/probe", what, str(most)]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": what},
        "spec": {"nodeName": "itest-2", "restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def test_volume_survives_its_pod(machine: Machine, pods: object) -> None:
    """A pod reads from a claim of the default class what an earlier pod, which was not root, wrote to it."""
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    keeper = _workload("Deployment", "keeper", volumeMounts=[{"name": "data", "mountPath": "/data"}])
    keeper["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    keeper["spec"]["strategy"] = {"type": "Recreate"}
    machine.kube("apply", "-f", "-", cluster=_NAME, stdin=[claim, keeper, _service("keeper", "keeper", 30082)])
    machine.rolled_out("deployment/keeper", cluster=_NAME)
    eventually("write", lambda: fetch("http://172.30.7.2:30082/file", b"kept"))
    machine.kube("delete", "pod", "-l", "app=keeper", cluster=_NAME)
    machine.rolled_out("deployment/keeper", cluster=_NAME)

    assert eventually("read", lambda: fetch("http://172.30.7.2:30082/file")) == "kept"


def test_stop_and_start(machine: Machine, pods: object, archive: Path) -> None:
    """A stopped cluster has no process; after start it has the same nodes, images, volumes and addresses."""
    machine.run("stop", "--name", _NAME)
    assert "stopped" in machine.run("list")[0]
    left = traces(machine, [_NAME])
    assert (left["processes"], left["mounts"], left["cgroups"], left["rules"], left["links"]) == ([], [], [], [], ["lo"])

    machine.run("start", "--name", _NAME)
    assert _ready_nodes(machine) == set(_NODES)
    assert eventually("the volume after a stop", lambda: fetch("http://172.30.7.2:30082/file")) == "kept"
    assert eventually("pods on both nodes", lambda: {fetch(f"http://{address}:30081/name") for address in _NODES.values()} == set(_NODES))


def test_killed_nodes_come_back(machine: Machine, pods: object) -> None:
    """After SIGKILL to both nodes at once, start restores everything."""
    for pid in _pids(machine).values():
        os.kill(pid, signal.SIGKILL)
    eventually("death", lambda: "stopped" in machine.run("list")[0], 10)
    machine.run("start", "--name", _NAME)

    assert eventually("the volume after a crash", lambda: fetch("http://172.30.7.2:30082/file")) == "kept"


def test_node_failure_is_noticed(machine: Machine, pods: object) -> None:
    """A killed worker is NotReady within half a minute, and start restarts only this node."""
    pids = _pids(machine)
    os.kill(pids[2], signal.SIGKILL)
    eventually("NotReady", lambda: _ready_nodes(machine) == {"itest-1"}, 40)
    assert "1 of 2 nodes running" in machine.run("list")[0]

    machine.run("start", "--name", _NAME)
    assert _ready_nodes(machine) == set(_NODES)
    assert _pids(machine)[1] == pids[1]


def test_second_cluster(machine: Machine, cluster: object) -> None:
    """A second create finishes an interrupted creation beside the first cluster."""
    interrupted = machine.start("create", "--name", _OTHER, "--subnet", _OTHER_SUBNET, "--nodes", "1")
    eventually("a first process", (machine.state_dir / _OTHER / "nodes" / "1" / "init.json").exists, 30)
    interrupted.kill()
    interrupted.communicate()
    assert "incomplete" in machine.run("list")[0]

    machine.run("create", "--name", _OTHER, "--subnet", _OTHER_SUBNET, "--nodes", "1")
    assert machine.run("list")[0].count("running") == 2
    assert machine.kube("get", "nodes", "-o", "name", cluster=_OTHER) == "node/itest-b-1\n"


def test_hogs_do_not_slow_others(machine: Machine, pods: object) -> None:
    """While restricted pods without limits take all that they get, the machine, other pods and the other cluster answer as fast as before."""
    names = ("memory", "processes")
    machine.kube("create", "namespace", "hogs", cluster=_NAME)
    machine.kube("label", "namespace", "hogs", "pod-security.kubernetes.io/enforce=restricted", cluster=_NAME)
    before = max(_seconds_to_answer(machine) for _ in range(5))
    hogs = [_restricted(_taker("memory", machine_size().memory >> 21)), _restricted(_taker("processes", 4000))]
    machine.kube("apply", "--namespace=hogs", "-f", "-", cluster=_NAME, stdin=hogs)
    during = [before]

    def ended() -> bool:
        during.append(_seconds_to_answer(machine))
        return all(_has_ended(machine, name, "hogs") for name in names)

    eventually("the end of both", ended, 120)
    assert len(during) > 2
    assert max(during) < 5 * before + 2, during
    why = "jsonpath={.status.reason}{.status.containerStatuses[0].state.terminated.reason}"
    assert machine.kube("get", "pod", "memory", "--namespace=hogs", "-o", why, cluster=_NAME) in ("OOMKilled", "Evicted")
    assert 10 < int(machine.kube("logs", "processes", "--namespace=hogs", cluster=_NAME)) < 2000
    assert _ready_nodes(machine) == set(_NODES)
    machine.kube("delete", "namespace", "hogs", "--wait=false", cluster=_NAME)


def _seconds_to_answer(machine: Machine) -> float:
    """Returns how long this machine needs to start a program, to get memory, and to ask the other cluster's API server."""
    begin = time.monotonic()
    subprocess.run(["true"], check=True)
    bytearray(64 << 20)
    machine.kube("get", "--raw=/readyz", cluster=_OTHER)
    return time.monotonic() - begin


def _restricted(pod: dict[str, Any]) -> dict[str, Any]:
    """Returns a pod that meets the standard `restricted`."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    containers = [{**container, "securityContext": own} for container in pod["spec"]["containers"]]
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    return {**pod, "spec": {**pod["spec"], "containers": containers, "securityContext": security}}


def test_delete_of_the_second_cluster(machine: Machine, cluster: object) -> None:
    """Its delete does not touch the first."""
    machine.run("delete", "--name", _OTHER)
    assert _ready_nodes(machine) == set(_NODES)
    left = traces(machine, [_OTHER])
    assert not [line for line in left["processes"] if _OTHER in line]
    assert left["cgroups"] == []


def test_subnet_in_use(machine: Machine, cluster: object) -> None:
    """A subnet that another cluster or an interface has is refused in one sentence, and nothing is left behind."""
    _, stderr = machine.run("create", "--name", _OTHER, "--subnet", _SUBNET, code=1)
    assert stderr.splitlines()[-1].startswith(f"ERROR: subnet {_SUBNET} is in use by cluster {_NAME}")

    subprocess.run(["ip", "link", "add", "taken", "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", "172.30.8.9/24", "dev", "taken"], check=True)
    _, stderr = machine.run("create", "--name", _OTHER, "--subnet", _OTHER_SUBNET, code=1)
    subprocess.run(["ip", "link", "delete", "taken"], check=True)
    assert "interface taken has 172.30.8.9/24" in stderr.splitlines()[-1]
    assert not (machine.state_dir / _OTHER).exists()


def test_delete_leaves_nothing(machine: Machine, cluster: dict[str, list[str]]) -> None:
    """Processes, mounts, interfaces, cgroups and files are as they were before create."""
    during = traces(machine, [_NAME])
    assert all(during[kind] for kind in ("processes", "links", "rules", "cgroups", "files"))

    machine.run("delete", "--name", _NAME)
    assert traces(machine, [_NAME]) == cluster
