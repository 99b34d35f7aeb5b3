"""Tests of the commands, their streams and exit codes, with a provider that makes nothing."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import click.testing
import pytest
import yaml

from cluster import commands, load_image, providers
from cluster.commands import cluster, main
from cluster.fake_provider import FakeProvider
from cluster.model.constants import constants
from cluster.model.state import Cluster, load_cluster


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeProvider:
    """The provider behind every command, with a state folder and kubeconfig of the test's own."""
    fake = FakeProvider()
    monkeypatch.setenv("TURNUP_STATE_DIR", str(tmp_path / "state" / "clusters"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for name in ("TURNUP_CLUSTER", "TURNUP_SUBNET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(providers.PROVIDERS, "embedded", lambda *_: fake)
    return fake


def _run(*args: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(cluster, args)


def _state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "clusters"


def test_create_list_delete(provider: FakeProvider, tmp_path: Path) -> None:
    """A cluster is created once, listed on stdout, and deleted with the folders that were made for it."""
    assert _run("create", "--name", "a").exit_code == 0
    again = _run("create", "--name", "a")
    listed = _run("list")

    assert "exists and is healthy: nothing to do" in again.stderr
    assert listed.stdout.splitlines()[1].split() == ["a", "embedded", "2", "172.19.0.0/26", "running"]
    assert _run("delete", "--name", "a").exit_code == 0
    assert provider.calls == ["create", "delete"]
    assert not (tmp_path / "state").exists()


def test_list_marks_the_cluster_of_this_shell(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The star and the JSON field `chosen` follow TURNUP_CLUSTER, and no cluster has them if TURNUP_CONTEXT names another context."""
    for name in ("a", "b"):
        _run("create", "--name", name)

    def chosen() -> tuple[list[str], list[str]]:
        starred = [line.split()[1] for line in _run("list").stdout.splitlines() if line.startswith("*")]
        return starred, [row["name"] for row in json.loads(_run("list", "--output=json").stdout) if row["chosen"]]

    assert chosen() == ([], [])  # this checkout's own cluster does not exist
    monkeypatch.setenv("TURNUP_CLUSTER", "b")
    assert chosen() == (["b"], ["b"])
    monkeypatch.setenv("TURNUP_CONTEXT", "staging")
    assert chosen() == ([], [])
    monkeypatch.setenv("TURNUP_CONTEXT", "turnup-b")
    assert chosen() == (["b"], ["b"])


def test_list_as_json(provider: FakeProvider) -> None:
    """`list --output=json` prints an array of objects on stdout; without clusters it is empty."""
    assert json.loads(_run("list", "--output=json").stdout) == []
    _run("create", "--name", "a")

    assert json.loads(_run("list", "--output=json").stdout) == [
        {"name": "a", "provider": "embedded", "nodes": 2, "subnet": "172.19.0.0/26", "state": "running", "context": "turnup-a", "chosen": False}
    ]
    assert _run("list", "--output=xml").exit_code == 2


def test_kubectl_is_the_built_one_on_the_cluster(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl gets the cluster's context and every word after its own options; without a cluster nothing is started."""
    started: list[list[str]] = []
    monkeypatch.setattr(commands, "ensure", lambda progress: SimpleNamespace(kubernetes=Path("/built")))
    monkeypatch.setattr(commands.os, "execv", lambda program, words: started.append(words))

    assert _run("kubectl", "--name", "a", "get", "nodes").exit_code == 1
    _run("create", "--name", "a")
    assert _run("kubectl", "--name", "a", "get", "pods", "-n", "x", "--watch").exit_code == 0
    assert started == [["/built/kubectl", "--context", "turnup-a", "get", "pods", "-n", "x", "--watch"]]


def test_delete_of_nothing(provider: FakeProvider) -> None:
    """Deleting a cluster that does not exist prints a note and is not an error."""
    result = _run("delete", "--name", "a")

    assert result.exit_code == 0
    assert "cluster a does not exist: nothing to delete" in result.stderr


def test_create_starts_what_is_stopped(provider: FakeProvider) -> None:
    """An existing cluster that is not healthy is started, not recreated."""
    _run("create", "--name", "a")
    provider.well = False

    assert _run("create", "--name", "a").exit_code == 0
    assert provider.calls == ["create", "start"]


def test_ports_of_the_machine_follow_create(provider: FakeProvider, tmp_path: Path) -> None:
    """Other ports are saved and the cluster is started, which writes its firewall rules; the same ports change nothing."""
    _run("create", "--name", "a", "--host-port", "5000", "--host-port", "80")
    assert load_cluster("a", _state(tmp_path)).host_ports == (80, 5000)
    _run("create", "--name", "a", "--host-port", "80", "--host-port", "5000")
    assert provider.calls == ["create"]

    _run("create", "--name", "a", "--host-port", "80")
    assert load_cluster("a", _state(tmp_path)).host_ports == (80,)
    assert provider.calls == ["create", "start"]
    refused = _run("create", "--name", "b", "--host-port", "0")
    assert refused.exit_code == 2
    assert "--host-port 0 is not a port" in refused.stderr


def test_interrupted_creation_is_removed_first(provider: FakeProvider, tmp_path: Path) -> None:
    """What a killed creation left behind is deleted before the next one starts."""
    left = Cluster("a", "embedded", "172.19.0.0/26", 2, _state(tmp_path))
    left.folder.mkdir(parents=True)
    left.save()

    assert _run("create", "--name", "a").exit_code == 0
    assert provider.calls == ["delete", "create"]
    assert load_cluster("a", _state(tmp_path)).complete


def test_create_with_other_facts(provider: FakeProvider) -> None:
    """An existing cluster is never changed silently: the error names the matching option."""
    _run("create", "--name", "a")
    result = _run("create", "--name", "a", "--nodes", "3")

    assert result.exit_code == 1
    assert result.stderr == (
        "ERROR: cluster a exists with nodes 2, not 3; use --nodes 2, choose another --name, or run `./turnup cluster delete --name a` first\n"
    )


def test_failure_is_one_sentence(provider: FakeProvider) -> None:
    """A provider's error is printed once, with exit code 1 and no traceback."""
    provider.failing.add("create")
    result = _run("create", "--name", "a")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "ERROR: create failed"
    assert "Traceback" not in result.stderr + result.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["create", "--name", "A"],
        ["create", "--subnet", "nonsense"],
        ["create", "--nodes", "0"],
        ["create", "--nodes", "many"],
        ["create", "--provider", "other"],
        ["logs", "--name", "B"],
        ["delete", "--name", "../x"],
        ["nonsense"],
    ],
)
def test_usage_errors(provider: FakeProvider, args: list[str]) -> None:
    """Invalid arguments are exit code 2, and nothing is changed."""
    assert _run(*args).exit_code == 2
    assert provider.calls == []


@pytest.mark.parametrize("verb", [["start"], ["stop"], ["kubeconfig"], ["logs"], ["load-image", "x.tar"]])
def test_absent_cluster(provider: FakeProvider, verb: list[str]) -> None:
    """The error for a cluster that does not exist has the command that creates it, and the existing clusters."""
    _run("create", "--name", "other")
    result = _run(*verb, "--name", "a")

    assert result.exit_code == 1
    assert result.stderr == "ERROR: cluster a does not exist; create it with `./turnup cluster create --name a`, or choose from other\n"


def test_start_and_stop(provider: FakeProvider) -> None:
    """Both reach the provider."""
    _run("create", "--name", "a")

    assert [_run(verb, "--name", "a").exit_code for verb in ("stop", "start")] == [0, 0]
    assert provider.calls == ["create", "stop", "start"]


def test_kubeconfig(provider: FakeProvider, tmp_path: Path) -> None:
    """The kubeconfig goes to stdout; only --merge writes the user's, and only --use-context changes the current context."""
    _run("create", "--name", "a")
    printed = yaml.safe_load(_run("kubeconfig", "--name", "a").stdout)
    assert printed["current-context"] == "turnup-a"
    assert not (tmp_path / "kubeconfig").exists()

    _run("kubeconfig", "--name", "a", "--merge")
    assert "current-context" not in yaml.safe_load((tmp_path / "kubeconfig").read_text())

    _run("kubeconfig", "--name", "a", "--use-context")
    assert yaml.safe_load((tmp_path / "kubeconfig").read_text())["current-context"] == "turnup-a"


def test_create_use_context(provider: FakeProvider, tmp_path: Path) -> None:
    """create --use-context makes the new context the current one."""
    _run("create", "--name", "a", "--use-context")

    assert yaml.safe_load((tmp_path / "kubeconfig").read_text())["current-context"] == "turnup-a"


def test_logs(provider: FakeProvider) -> None:
    """The last lines of every log are printed, or of one node and program, each with a heading."""
    _run("create", "--name", "a")
    everything = _run("logs", "--name", "a", "--lines", "2").stdout

    assert everything == "==> a-1 kubelet <==\nline 98\nline 99\n==> a-2 kubelet <==\nline 98\nline 99\n"
    assert _run("logs", "--name", "a", "--node", "a-2", "kubelet", "--lines", "1").stdout == "==> a-2 kubelet <==\nline 99\n"


@pytest.mark.parametrize(("args", "words"), [(["--node", "x"], "no node 'x'; choose from a-1, a-2"), (["x"], "no log of 'x'; choose from kubelet")])
def test_logs_of_what_is_not_there(provider: FakeProvider, args: list[str], words: str) -> None:
    """The error for an unknown node or program lists the known ones."""
    _run("create", "--name", "a")
    result = _run("logs", "--name", "a", *args)

    assert result.exit_code == 2
    assert words in result.stderr


def test_load_image_command(provider: FakeProvider, tmp_path: Path) -> None:
    """The archive's path and the image's name reach the provider."""
    _run("create", "--name", "a")

    assert _run("load-image", "--name", "a", "--image", "x:1", str(tmp_path / "x.tar")).exit_code == 0
    assert provider.calls[-1] == "load x.tar x:1"


def test_load_image_tool(provider: FakeProvider, tmp_path: Path) -> None:
    """The program finds the cluster by its context, and does nothing for other contexts."""
    _run("create", "--name", "a")
    stderr = io.StringIO()
    archive = str(tmp_path / "x.tar")

    assert load_image.main(["--context", "turnup-a", "--name", "x:1", archive], stderr) == 0
    assert provider.calls[-1] == "load x.tar x:1"
    assert load_image.main(["--context", "work", "--name", "x:1", archive], stderr) == 0
    assert "its nodes pull x:1 themselves" in stderr.getvalue()

    provider.failing.add("load x.tar x:1")
    assert load_image.main(["--context", "turnup-a", "--name", "x:1", archive], stderr) == 1
    assert stderr.getvalue().endswith("ERROR: load x.tar x:1 failed\n")


def test_context_provider(provider: FakeProvider, tmp_path: Path) -> None:
    """create with provider context prints how to choose the cluster, and writes no file."""
    result = _run("create", "--name", "a", "--provider", "context")

    assert result.exit_code == 0
    assert "TURNUP_CONTEXT" in result.stderr
    assert not (tmp_path / "state").exists()


def test_state_folder_without_permission(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a user who can't write the state folder says to run the command as root."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/var/lib/turnup")

    monkeypatch.setattr(os, "mkdir", refuse)
    result = _run("create", "--name", "a")

    assert result.exit_code == 1
    assert "/var/lib/turnup: permission denied; run the command as root" in result.stderr


def test_main_returns_exit_codes(provider: FakeProvider, capsys: pytest.CaptureFixture[str]) -> None:
    """main returns the exit code."""
    assert main(["list"]) == 0
    assert main(["create", "--name", "A"]) == 2
    assert main(["nonsense"]) == 2
    assert "NAME" in capsys.readouterr().out


def test_default_provider_exists() -> None:
    """The repository's own constants can be read, and name a provider that exists."""
    assert constants(environment={}).provider in providers.PROVIDERS
