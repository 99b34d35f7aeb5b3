"""Tests of the k3d provider, with a fake Docker and k3d."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.common.progress import SilentProgress
from cluster.k3d.provider import K3dProvider
from cluster.model import kubeconfig
from cluster.model.constants import constants
from cluster.model.state import Cluster, load_cluster

_KUBECONFIG = yaml.safe_dump(
    {
        "clusters": [{"name": "k3d-a", "cluster": {"server": "https://0.0.0.0:40000", "certificate-authority-data": base64.b64encode(b"CA").decode()}}],
        "users": [{"name": "u", "user": {"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key-data": base64.b64encode(b"KEY").decode()}}],
    }
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    """A cluster to create, on a machine that has docker and k3d."""
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "registries.yaml").write_text("mirrors: {}\n")
    made = Cluster("a", "k3d", "172.19.0.0/26", 2, tmp_path / "state")
    made.folder.mkdir(parents=True)
    return made


def _runner(address: str = "172.19.0.2", running: int = 2, **more: Result | Callable[[Sequence[str]], Result]) -> FakeRunner:
    facts = [{"name": "a", "serversRunning": min(1, running), "agentsRunning": max(0, running - 1)}]
    return FakeRunner(
        {
            "k3d kubeconfig get": Result(0, _KUBECONFIG),
            "k3d cluster list": Result(0, json.dumps(facts)),
            "docker inspect": Result(0, json.dumps({"turnup-a": {"IPAddress": address}})),
            **more,
        }
    )


def _provider(runner: FakeRunner) -> K3dProvider:
    return K3dProvider(runner, SilentProgress())


def test_create(cluster: Cluster, tmp_path: Path) -> None:
    """The network has the subnet, the nodes have the registries file, and the kubeconfig has the context but no current one."""
    runner = _runner()
    _provider(runner).create(cluster, tmp_path / "registries.yaml", retain=False)
    lines = runner.lines()
    create = next(line for line in lines if line.startswith("k3d cluster create"))

    assert "docker network create --driver bridge --subnet 172.19.0.0/26 --gateway 172.19.0.1 turnup-a" in lines
    for part in (
        "--servers 1 --agents 1",
        "--network turnup-a",
        f"{cluster.folder}/registries.yaml:/etc/rancher/k3s/registries.yaml@all",
        "--no-lb",
        "--kubeconfig-switch-context=false",
    ):
        assert part in create
    registry = f"172.19.0.2:{constants().registry_port}"
    assert yaml.safe_load(cluster.registries.read_text()) == {"mirrors": {registry: {"endpoint": [f"http://{registry}"]}}}
    assert load_cluster("a", cluster.state_dir).complete
    assert kubeconfig.contexts(tmp_path / "kubeconfig") == ["turnup-a"]


@pytest.mark.parametrize("missing", ["docker", "k3d"])
def test_missing_tool(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """The error for a missing tool says where to get it, and nothing is created."""
    monkeypatch.setattr(shutil, "which", lambda program: None if program == missing else "/x")
    runner = _runner()

    with pytest.raises(ClusterError, match=f"needs {missing}, which is not on PATH; install .* or use --provider embedded"):
        _provider(runner).create(cluster, tmp_path / "registries.yaml", retain=False)
    assert runner.calls == []


def test_docker_does_not_run(cluster: Cluster, tmp_path: Path) -> None:
    """A Docker that does not run is one sentence."""
    with pytest.raises(ClusterError, match="needs a running Docker"):
        _provider(_runner(**{"docker info": Result(1)})).create(cluster, tmp_path / "registries.yaml", retain=False)


def test_subnet_in_use(cluster: Cluster, tmp_path: Path) -> None:
    """If Docker refuses the subnet, the error names --subnet, and nothing is left behind."""
    runner = _runner(**{"docker network create": Result(1, "", "Error: Pool overlaps"), "docker network inspect": Result(1), "k3d cluster list": Result(1)})

    with pytest.raises(ClusterError, match=r"subnet 172.19.0.0/26 \(Error: Pool overlaps\); choose another with --subnet"):
        _provider(runner).create(cluster, tmp_path / "registries.yaml", retain=False)
    assert not cluster.folder.exists()


@pytest.mark.parametrize("retain", [False, True])
def test_wrong_address(cluster: Cluster, tmp_path: Path, retain: bool) -> None:
    """Node 1 at another address would break every image reference: it is an error, and the cluster is removed unless retained."""
    runner = _runner(address="172.19.0.3")

    with pytest.raises(ClusterError, match="k3d-a-server-0 got 172.19.0.3 instead of 172.19.0.2"):
        _provider(runner).create(cluster, tmp_path / "registries.yaml", retain)
    assert ("k3d cluster delete a" in runner.lines()) != retain
    assert cluster.folder.exists() == retain


def test_delete(cluster: Cluster, tmp_path: Path) -> None:
    """delete removes nodes, network, kubeconfig entry and files."""
    runner = _runner()
    provider = _provider(runner)
    provider.create(cluster, tmp_path / "registries.yaml", retain=False)
    provider.delete(cluster)

    assert "k3d cluster delete a" in runner.lines()
    assert "docker network rm turnup-a" in runner.lines()
    assert not (tmp_path / "kubeconfig").exists()
    assert not cluster.folder.exists()


@pytest.mark.parametrize(("running", "state"), [(2, "running"), (1, "1 of 2 nodes running"), (0, "stopped")])
def test_state(tmp_path: Path, cluster: Cluster, running: int, state: str) -> None:
    """The state follows from the running containers."""
    made = Cluster("a", "k3d", "172.19.0.0/26", 2, tmp_path, complete=True)

    assert _provider(_runner(running=running)).state(made) == state
    assert _provider(_runner(running=running)).healthy(made) == (running == 2)
    assert _provider(FakeRunner({"k3d cluster list": Result(1)})).state(made) == "gone"


def test_start_and_stop(cluster: Cluster) -> None:
    """start checks the address again; stop only stops the containers."""
    runner = _runner()
    _provider(runner).start(cluster)
    _provider(runner).stop(cluster)
    assert {"k3d cluster start a --wait", "k3d cluster stop a"} <= set(runner.lines())

    with pytest.raises(ClusterError, match="instead of"):
        _provider(_runner(address="172.19.0.9")).start(cluster)


def test_load_image_and_logs(cluster: Cluster, tmp_path: Path) -> None:
    """An archive is imported into each node's containerd; each node has one log."""
    from cluster.images.archives import executable_image

    (tmp_path / "tool").write_text("x")
    executable_image(tmp_path / "x.tar", "x:1", tmp_path / "tool", ["/bin/tool"])
    runner = _runner(**{"docker logs": Result(0, "out\n", "err\n")})

    assert _provider(runner).load_image(cluster, tmp_path / "x.tar", "x:1")
    for node in ("k3d-a-server-0", "k3d-a-agent-0"):
        assert f"docker exec --interactive {node} ctr --namespace k8s.io images import -" in runner.lines()
    assert _provider(runner).logs(cluster)["k3d-a-agent-0"]["k3s"].read_text() == "out\nerr\n"
