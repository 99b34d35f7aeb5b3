"""Tests of each step of create and start, with the machine replaced."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.common.progress import SilentProgress
from cluster.embedded import provider
from cluster.embedded.api.client import ApiError
from cluster.embedded.nodes import network
from cluster.embedded.nodes.cgroups import find_cgroups
from cluster.embedded.nodes.components import API_READY, CLUSTER_READY
from cluster.embedded.steps import (
    apply_addons,
    build_programs,
    check_machine,
    import_images,
    merge_kubeconfig,
    start_nodes,
    wait_api,
    wait_dns,
    wait_nodes,
    write_credentials,
)
from cluster.embedded.steps.context import Context
from cluster.images.registries import Registries
from cluster.model import kubeconfig
from cluster.model.state import Cluster
from cluster.programs import build, debian
from cluster.programs.binaries import Binaries


class _Api:
    """An API server with given answers; it repeats the last one."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.applied = list(answers), []

    def request(self, method: str, path: str) -> object:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def apply(self, resource: str, item: dict) -> None:
        self.applied.append((resource, item["metadata"]["name"]))

    def close(self) -> None:
        """Does nothing."""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """One run for a cluster of two nodes, on a fake machine with cgroup version 1; tests replace parts of it by fakes."""
    for name in ("cpu", "memory"):
        (tmp_path / "cgroup" / name).mkdir(parents=True)
        (tmp_path / "cgroup" / name / "cgroup.procs").touch()
    cluster = Cluster("a", "embedded", "172.19.0.0/26", 2, tmp_path / "state")
    cluster.folder.mkdir(parents=True)
    made = Context(cluster, Registries(), find_cgroups("turnup-x", tmp_path / "cgroup"), FakeRunner(), SilentProgress())
    kubernetes, etcd, nodeinit, runtime, cni = (tmp_path / name for name in ("kubernetes", "etcd", "nodeinit", "runtime", "cni"))
    made.programs = Binaries(kubernetes, etcd, nodeinit, runtime, cni, images=())
    made.pids = {1: 4000001, 2: 4000002}
    yield made
    made.close(wait=True)


def _node(name: str, ready: str = "True", said: float | None = None) -> dict:
    when = datetime.datetime.fromtimestamp(said if said is not None else time.time(), datetime.UTC)
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": when.strftime("%Y-%m-%dT%H:%M:%SZ")}]},
    }


def test_every_step_is_listed_and_described() -> None:
    """Each module of steps/, except the context that they share, is a step with a title, and create or start runs it."""
    files = {path.stem for path in (Path(provider.__file__).parent / "steps").glob("*.py")} - {"context"}
    used = {step.__name__.rpartition(".")[2] for step in (*provider.CREATE, *provider.START)}

    assert files == used
    assert all(step.TITLE and step.__doc__.startswith("Step: ") for step in provider.CREATE)


@pytest.mark.parametrize(("kind", "filesystems", "words"), [("net", "overlay", "no net namespaces"), ("", "ext4", "modprobe overlay")])
def test_kernel(tmp_path: Path, kind: str, filesystems: str, words: str) -> None:
    """The error for an unsuitable kernel names what it lacks."""
    (tmp_path / "self" / "ns").mkdir(parents=True)
    for name in {"mnt", "pid", "net", "uts", "ipc"} - {kind}:
        (tmp_path / "self" / "ns" / name).touch()
    (tmp_path / "filesystems").write_text(f"nodev\tproc\n\t{filesystems}\n")

    with pytest.raises(ClusterError, match=words):
        check_machine.check_kernel(tmp_path)


def test_this_kernel() -> None:
    """The kernel that runs the tests passes the check."""
    check_machine.check_kernel()


def test_neighbours(context: Any) -> None:
    """A stopped cluster's subnet counts as in use; the cluster's own does not."""
    context.cluster.save()
    check_machine.check_neighbours(context)

    other = Cluster("b", "embedded", "172.19.0.32/27", 2, context.cluster.state_dir)
    other.folder.mkdir()
    other.save()
    with pytest.raises(ClusterError, match=r"172.19.0.0/26 is in use by cluster b \(172.19.0.32/27\)"):
        check_machine.check_neighbours(context)


def test_check_machine(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step runs every check and installs what is missing."""
    asked = []
    monkeypatch.setattr(debian, "install_host_tools", lambda *_: asked.append("tools"))
    monkeypatch.setattr(network, "check_free", lambda *_: asked.append("network"))
    check_machine.execute(context)
    assert asked == ["tools", "network"]

    context.free_space = 10**18
    with pytest.raises(ClusterError, match="free some space"):
        check_machine.execute(context)


def test_build_programs(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step puts what was built into the context."""
    monkeypatch.setattr(build, "ensure", lambda progress, runner: "programs")
    build_programs.execute(context)

    assert context.binaries() == "programs"


def test_write_credentials(context: Any) -> None:
    """After the step, both nodes have their keys."""
    write_credentials.execute(context)

    assert all((context.cluster.node_folder(number) / "kubernetes" / "kubelet-client.key").exists() for number in (1, 2))


def test_start_nodes(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only nodes that are down are started, each with its own folders, cgroups and veth pair."""
    launched, connected = [], []
    monkeypatch.setattr(network, "make_bridge", lambda *_: None)
    monkeypatch.setattr(network, "connect_node", lambda runner, layout, number, pid, nsenter: connected.append((number, pid)))
    monkeypatch.setattr(start_nodes, "node_pid", lambda cluster, number: 7 if number == 1 else None)
    monkeypatch.setattr(start_nodes, "launch_node", lambda runner, cluster, number, spec, nodeinit: launched.append((number, spec["hostname"])) or 8)
    start_nodes.execute(context)

    assert context.pids == {1: 7, 2: 8}
    assert set(context.launched) == {2}
    assert launched == [(2, "a-2")]
    assert connected == [(2, 8)]
    assert (context.cluster.node_folder(2) / "containerd").is_dir()
    assert context.cgroups.node_folders(2)[0].is_dir()


def test_import_images(context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node whose containerd answers gets every archive, in the background; a later check raises an error from there."""
    waited: list[int] = []
    monkeypatch.setattr(import_images, "wait_for_containerd", waited.append)
    archive = tmp_path / "x.tar"
    archive.touch()
    context.programs = Binaries(tmp_path, tmp_path, tmp_path, tmp_path, tmp_path, images=(archive,))
    import_images.execute(context)
    for work in context.background:
        work.result()
    assert sum("images import" in line for line in context.runner.lines()) == 2
    assert sorted(waited) == sorted(context.pids.values())

    context.runner = FakeRunner({"nsenter": Result(1, "", "no space left")})
    context.background.clear()
    import_images.execute(context)
    futures.wait(context.background, timeout=10)
    with pytest.raises(ClusterError, match="no space left"):
        context.check_background()


def test_wait_api(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs that wait for the API server may start when it is ready, and not before."""
    marks = []
    monkeypatch.setattr(wait_api, "mark", lambda pid, path: marks.append((pid, path)))
    context._api = _Api(ApiError("refused", 0), ApiError("not ready", 500), "ok")
    wait_api.execute(context)

    assert marks == [(4000001, API_READY), (4000002, API_READY)]


def test_wait_api_gives_up(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the server does not become ready, the error has its last answer and where to look, and no program may start."""
    monkeypatch.setattr(wait_api, "_TIMEOUT", 0.05)
    context._api = _Api(ApiError("connection refused", 0))

    with pytest.raises(ClusterError, match="connection refused.*cluster logs --name a kube-apiserver"):
        wait_api.execute(context)


def test_waiting_stops_for_broken_background_work(context: Any) -> None:
    """A failed import of an image ends the wait at once."""
    broken: Future[None] = Future()
    broken.set_exception(ClusterError("no space left"))
    context.background.append(broken)
    context._api = _Api(ApiError("connection refused", 0))

    for step in (wait_api, wait_nodes):
        with pytest.raises(ClusterError, match="no space left"):
            step.execute(context)


def test_apply_addons(context: Any) -> None:
    """Cluster DNS and the storage class are applied."""
    context._api = _Api({"kind": "Namespace"})
    apply_addons.execute(context)

    assert {"kube-dns", "coredns", "local-path"} <= {name for _, name in context._api.applied}


def test_apply_addons_keeps_what_the_cluster_says_it_lacks(context: Any) -> None:
    """A key that somebody deleted from the statement does not return at the next start; a new cluster gets the statement."""

    class Server(_Api):
        """An API server with or without the statement."""

        has_statement = True

        def request(self, method: str, path: str) -> object:
            if path.endswith("/turnup-cluster") and not self.has_statement:
                raise ApiError("not found", 404)
            return {}

    context._api = Server()
    apply_addons.execute(context)
    statement = ("/api/v1/namespaces/kube-public/configmaps", "turnup-cluster")
    assert statement not in context._api.applied

    context._api.has_statement = False
    apply_addons.execute(context)
    assert statement in context._api.applied


def test_apply_addons_recreates_an_immutable_storage_class(context: Any) -> None:
    """A storage class of an older version, which names another provisioner, is deleted and created."""

    class Old(_Api):
        """An API server with an immutable storage class."""

        deleted: ClassVar[list[str]] = []

        def request(self, method: str, path: str) -> object:
            if method == "DELETE":
                self.deleted.append(f"{method} {path}")
            return {}

        def apply(self, resource: str, item: dict) -> None:
            if item["kind"] == "StorageClass" and not self.deleted:
                raise ApiError("updates to provisioner are forbidden", 422)
            super().apply(resource, item)

    context._api = Old()
    apply_addons.execute(context)

    assert context._api.deleted == ["DELETE /apis/storage.k8s.io/v1/storageclasses/local-path"]
    assert [name for _, name in context._api.applied].count("local-path") == 1


def test_apply_addons_reports_other_errors(context: Any) -> None:
    """Another rejected object is an error, and nothing is deleted."""

    class Rejecting(_Api):
        """An API server that rejects every object."""

        def apply(self, resource: str, item: dict) -> None:
            raise ApiError("invalid", 422)

    context._api = Rejecting({})
    with pytest.raises(ApiError, match="invalid"):
        apply_addons.execute(context)


def test_wait_nodes(context: Any) -> None:
    """All nodes must be Ready: a node that is missing, not Ready or has not reported since its start does not count."""
    now = time.time()
    context.launched = {2: now}
    context._api = _Api(
        {"items": [_node("a-1")]},
        {"items": [_node("a-1"), _node("a-2", "False")]},
        {"items": [_node("a-1"), _node("a-2", said=now - 60)]},
        {"items": [_node("a-1", said=now - 60), _node("a-2", said=now + 1)]},
    )
    wait_nodes.execute(context)

    assert len(context._api.answers) == 1


def test_wait_nodes_gives_up(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the node that is not Ready."""
    monkeypatch.setattr(wait_nodes, "_TIMEOUT", 0.05)
    context._api = _Api({"items": [_node("a-1"), _node("a-2", "Unknown")]})

    with pytest.raises(ClusterError, match="not Ready: a-2"):
        wait_nodes.execute(context)


def test_node_without_conditions() -> None:
    """A node that has not reported yet is not Ready."""
    assert not wait_nodes.is_ready({"status": {}})


def test_wait_dns(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node sends a query; only then may the other programs start."""
    marks = []
    monkeypatch.setattr(wait_dns, "mark", lambda pid, path: marks.append(path))
    wait_dns.execute(context)
    assert sum("resolve kubernetes.default.svc.cluster.local 10.43.0.10:53" in line for line in context.runner.lines()) == 2
    assert marks == [CLUSTER_READY] * 2

    context.runner = FakeRunner({"nsenter --target 4000002": Result(1, "", "ERROR: no answer")})
    with pytest.raises(ClusterError, match="no answer"):
        wait_dns.execute(context)


def test_merge_kubeconfig(context: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After the step, the user's kubeconfig has the context."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    write_credentials.execute(context)
    merge_kubeconfig.execute(context)

    assert kubeconfig.contexts(tmp_path / "kubeconfig") == ["turnup-a"]
