"""Tests of the embedded provider's own decisions, with its steps replaced."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.progress import SilentProgress
from cluster.embedded import provider
from cluster.embedded.nodes import network
from cluster.embedded.nodes.cgroups import Cgroups
from cluster.embedded.provider import EmbeddedProvider
from cluster.images import registries
from cluster.model.state import Cluster, load_cluster


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> EmbeddedProvider:
    """The provider, run by root, on a machine without interfaces and cgroups, and with no steps of create."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(network, "remove_links", lambda *_: None)
    monkeypatch.setattr(provider, "find_cgroups", lambda name: Cgroups(tmp_path, (), False, name))
    monkeypatch.setattr(provider, "CREATE", ())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "registries.yaml").write_text("configs: {r: {auth: {username: u, password: p}}}\n")
    return EmbeddedProvider(FakeRunner(), SilentProgress())


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster with a folder, as the lock creates it."""
    made = Cluster("a", "embedded", "172.19.0.0/26", 2, tmp_path / "state")
    made.folder.mkdir(parents=True)
    return made


def _failing(error: BaseException) -> SimpleNamespace:
    def execute(_: object) -> None:
        raise error

    return SimpleNamespace(TITLE="Failing", execute=execute)


@pytest.mark.parametrize("verb", ["create", "start", "stop", "delete", "load-image"])
def test_only_root(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Without root nothing is changed, and the error names the verb and the fix."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    calls = {
        "create": lambda: ours.create(cluster, tmp_path / "registries.yaml", False),
        "load-image": lambda: ours.load_image(cluster, tmp_path / "x", None),
    }

    with pytest.raises(ClusterError, match=f"`cluster {verb}` .* run it as root"):
        calls.get(verb, lambda: getattr(ours, verb)(cluster))()
    assert list(cluster.folder.iterdir()) == []


def test_created_cluster_is_complete(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path) -> None:
    """A created cluster is complete, and only its owner can read the registries file, which may have a password."""
    ours.create(cluster, tmp_path / "registries.yaml", retain=False)

    assert load_cluster("a", cluster.state_dir).complete
    assert (cluster.folder / "registries.yaml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("error", [ClusterError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("retain", [False, True])
def test_failed_creation(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, retain: bool) -> None:
    """A failed or interrupted creation is removed, or kept as incomplete with --retain."""
    monkeypatch.setattr(provider, "CREATE", (_failing(error),))

    with pytest.raises(type(error)):
        ours.create(cluster, tmp_path / "registries.yaml", retain)
    assert cluster.folder.exists() == retain
    assert not retain or not load_cluster("a", cluster.state_dir).complete


def test_broken_registries_stop_creation(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path) -> None:
    """An invalid registries file is refused before any file is written."""
    (tmp_path / "registries.yaml").write_text("mirror: {}")

    with pytest.raises(ClusterError, match="'mirror'"):
        ours.create(cluster, tmp_path / "registries.yaml", retain=False)
    assert list(cluster.folder.iterdir()) == []


@pytest.mark.parametrize(("running", "state"), [({1, 2}, "running"), ({1}, "1 of 2 nodes running"), (set(), "stopped")])
def test_states(ours: EmbeddedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: set[int], state: str) -> None:
    """The state follows from the nodes' processes; an incomplete cluster is reported as such."""
    monkeypatch.setattr(provider, "node_pid", lambda cluster, number: number if number in running else None)

    assert ours.state(Cluster("a", "embedded", "172.19.0.0/26", 2, tmp_path, complete=True)) == state
    assert ours.state(Cluster("a", "embedded", "172.19.0.0/26", 2, tmp_path)) == "incomplete"


def test_stopped_cluster_is_not_healthy(ours: EmbeddedProvider, cluster: Cluster) -> None:
    """A stopped cluster is not healthy, and its API server is not called."""
    assert not ours.healthy(cluster)


def test_own_registry_is_plain_http(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new cluster and a started one know the registry on node 1, without TLS, and the user's own registries."""
    seen = []
    step = SimpleNamespace(TITLE="Looking", execute=lambda context: seen.append(context.registries))
    monkeypatch.setattr(provider, "CREATE", (step,))
    monkeypatch.setattr(provider, "START", (step,))
    monkeypatch.setattr(registries, "constants", lambda: SimpleNamespace(registry_port=31007))
    ours.create(cluster, tmp_path / "registries.yaml", retain=False)
    ours.start(cluster)

    assert seen[0] == seen[1]
    assert seen[0].mirrors == {"172.19.0.2:31007": ["http://172.19.0.2:31007"]}
    assert seen[0].configs["r"].auth == {"username": "u", "password": "p"}


def test_load_image_needs_running_nodes(ours: EmbeddedProvider, cluster: Cluster, tmp_path: Path) -> None:
    """The error for a node that is down names it and the command that starts it."""
    with pytest.raises(ClusterError, match="node a-1 is down; start it with `./turnup cluster start --name a`"):
        ours.load_image(cluster, tmp_path / "x.tar", None)


def test_logs(ours: EmbeddedProvider, cluster: Cluster) -> None:
    """Logs are listed by node and program; a node that never ran has none."""
    cluster.logs(1).mkdir(parents=True)
    (cluster.logs(1) / "kubelet.log").touch()

    assert ours.logs(cluster) == {"a-1": {"kubelet": cluster.logs(1) / "kubelet.log"}, "a-2": {}}
