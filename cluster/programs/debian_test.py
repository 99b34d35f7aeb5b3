"""Tests of finding and downloading programs that Debian has packages of."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.common.progress import Progress, SilentProgress
from cluster.programs import debian

_SILENT = SilentProgress()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The programs of a fake machine, which the test sets: name → path."""
    programs = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(shutil, "which", programs.get)
    monkeypatch.setattr(debian, "_PLUGIN_FOLDERS", (tmp_path / "plugins",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return programs


def _unpacks(files: Sequence[str]):
    """A dpkg-deb that unpacks empty files."""

    def run(args: Sequence[str]) -> Result:
        for name in files:
            path = Path(args[-1], name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return Result(0)

    return run


class _Downloads(FakeRunner):
    """A runner with an `apt-get download` that writes an archive."""

    def run(self, args, *, cwd=None, **options):
        if args[0] == "apt-get" and "download" in args:
            assert cwd.stat().st_mode & 0o077 == 0, "whoever may write here has a say in what root unpacks"
            (cwd / "package.deb").touch()
        return super().run(args, cwd=cwd, **options)


def test_installed_runtime(machine: dict[str, str], tmp_path: Path) -> None:
    """A containerd and runc that are new enough are used."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("containerd", "containerd-shim-runc-v2", "ctr", "runc"):
        (folder / program).touch()
        machine[program] = str(folder / program)
    runner = FakeRunner({"containerd": Result(0, "containerd github.com/containerd/containerd 1.6.20~ds1"), "runc": Result(0, "runc version 1.1.5+ds1")})

    assert debian.container_runtime(_SILENT, runner) == folder


@pytest.mark.parametrize(("containerd", "runc"), [("containerd c 1.5.9", "runc version 1.1.5"), ("containerd c 1.6.20", "runc version 1.0.3")])
def test_old_runtime_is_left_alone(machine: dict[str, str], tmp_path: Path, containerd: str, runc: str) -> None:
    """Programs that are too old are not replaced: Debian's packages are unpacked into the cache."""
    machine.update({program: f"/usr/bin/{program}" for program in ("containerd", "containerd-shim-runc-v2", "ctr", "runc")})
    runner = _Downloads({"containerd": Result(0, containerd), "runc": Result(0, runc), "dpkg-deb": _unpacks(["usr/bin/containerd", "usr/sbin/runc"])})
    folder = debian.container_runtime(_SILENT, runner)

    assert sorted(path.name for path in folder.iterdir()) == ["containerd", "runc"]
    assert folder.is_relative_to(tmp_path / "cache")
    assert not any("install" in line for line in runner.lines())
    assert debian.container_runtime(_SILENT, runner) == folder
    assert sum("download" in line for line in runner.lines()) == 1


def test_plugins(machine: dict[str, str], tmp_path: Path) -> None:
    """Plugins are the system's if all are there, otherwise the package's."""
    runner = _Downloads({"dpkg-deb": _unpacks(["usr/lib/cni/ptp"])})
    assert (debian.network_plugins(_SILENT, runner) / "ptp").exists()

    folder = tmp_path / "plugins"
    folder.mkdir()
    for plugin in ("host-local", "loopback", "portmap", "ptp"):
        (folder / plugin).touch()
    assert debian.network_plugins(_SILENT, runner) == folder


def test_apt_without_network(machine: dict[str, str], tmp_path: Path) -> None:
    """If apt fails even with new lists, the error has apt's reason, and nothing is cached."""
    runner = FakeRunner({"apt-get": Result(100, "", "W: something\nE: Unable to fetch some archives\n")})

    with pytest.raises(ClusterError, match=r"could not download containerd runc \(Unable to fetch some archives\); check the network"):
        debian.container_runtime(_SILENT, runner)
    assert ["apt-get", "update"] in runner.calls
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_dir() and path.name != "debian" and "turnup" not in path.name]


def test_no_apt(machine: dict[str, str]) -> None:
    """On another distribution, the error says what to install."""
    machine.clear()

    with pytest.raises(ClusterError, match="apt-get is not on PATH"):
        debian.install_host_tools(_SILENT, FakeRunner())


def test_host_tools(machine: dict[str, str]) -> None:
    """Only the packages of missing programs are installed."""
    machine.update({program: f"/bin/{program}" for program in debian.HOST_TOOLS if program != "iptables"})
    runner = FakeRunner()
    debian.install_host_tools(_SILENT, runner)
    assert runner.lines() == ["apt-get --simulate --no-install-recommends install iptables", "apt-get install --yes --no-install-recommends iptables"]

    machine["iptables"] = "/sbin/iptables"
    debian.install_host_tools(_SILENT, runner)
    assert len(runner.calls) == 2


def test_host_tools_are_named_with_versions(machine: dict[str, str]) -> None:
    """The step says which version is installed."""
    machine.update({program: f"/bin/{program}" for program in debian.HOST_TOOLS if program != "iptables"})
    runner = FakeRunner()
    runner.answer("--simulate", output="Inst iptables (1.8.9-2 Debian:12.12/oldstable [amd64])")
    shown = io.StringIO()
    debian.install_host_tools(Progress(shown, terminal=False), runner)
    assert "Installing iptables 1.8.9-2" in shown.getvalue()
