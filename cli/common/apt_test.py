"""Tests of the installation of Debian packages, with a fake apt."""

import io

import pytest

from cli.common import apt, tools
from cluster.common import errors
from cluster.common.fake_process import FakeRunner
from cluster.common.progress import Progress


@pytest.fixture
def step():
    """A step with output that no test reads."""
    with Progress(io.StringIO(), terminal=False).step("Tools") as one:
        yield one


@pytest.fixture
def lists(tmp_path):
    """A folder with package lists, as after apt-get update."""
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "main_binary-amd64_Packages").touch()
    return folder


def test_missing_keeps_the_order():
    """Only packages that dpkg reports as installed count as installed."""
    runner = FakeRunner()
    runner.answer("dpkg-query", output="b installed\nc config-files\ndpkg-query: no packages found matching a")

    assert apt.missing(["a", "b", "c"], runner) == ["a", "c"]


def test_nothing_to_install(step, tmp_path):
    """Without packages, no program runs."""
    runner = FakeRunner()
    apt.install([], runner, step, tmp_path / "log", root=False)

    assert runner.calls == []


def test_installs_without_update_where_lists_are_there(step, tmp_path, lists):
    """apt-get runs once, noninteractively, and waits for the lock, after the repair of what a killed apt left behind."""
    runner = FakeRunner()
    apt.install(["runc"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert runner.count("apt-get") - runner.count("apt-get --version") - runner.count("--simulate") == 1
    assert runner.count("update") == 0
    assert runner.count("dpkg --configure -a") == 1
    assert "DPkg::Lock::Timeout" in " ".join(runner.calls[-1])
    assert runner.envs[-1]["DEBIAN_FRONTEND"] == "noninteractive"


def test_fetches_lists_where_there_are_none(step, tmp_path):
    """On a machine without lists, one update comes before the installation."""
    runner = FakeRunner()
    apt.install(["runc"], runner, step, tmp_path / "log", root=True, lists=tmp_path)

    assert [" update" in " ".join(call) for call in runner.calls].index(True) < len(runner.calls) - 1
    assert runner.count(" update") == 1


def test_old_lists_are_renewed_once(step, tmp_path, lists):
    """An installation that fails because of old lists succeeds after one update."""
    runner = FakeRunner()
    runner.answer("install", code=100, output="E: Unable to locate package runc")
    runner.answer(" update", then=lambda: runner.answer("install", code=0))
    apt.install(["runc"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert runner.count(" update") == 1
    assert runner.count("install runc") - runner.count("--simulate") == 2


def test_no_network(step, tmp_path, lists):
    """An unreachable server is one sentence, after apt's own output."""
    runner = FakeRunner()
    runner.answer("install", code=100, output="Err:1 Temporary failure resolving")
    with pytest.raises(errors.StepFailed, match="could not reach its servers to install runc; check the network") as caught:
        apt.install(["runc"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert "Temporary failure" in caught.value.tail


def test_apt_failure(step, tmp_path, lists):
    """Any other failure names the package and shows apt's output."""
    runner = FakeRunner()
    runner.answer("install", code=100, output="E: held broken packages")
    with pytest.raises(errors.StepFailed, match="could not install runc") as caught:
        apt.install(["runc"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert "held broken packages" in caught.value.tail


def test_not_root(step, tmp_path):
    """The error for a user who is not root has the command to ask for, and nothing runs."""
    runner = FakeRunner()
    with pytest.raises(errors.TurnupError, match="ask root to run `apt-get install runc`"):
        apt.install(["runc"], runner, step, tmp_path / "log", root=False)

    assert runner.count("install") == 0


def test_no_apt(step, tmp_path):
    """The error for a machine without apt names the packages."""
    runner = FakeRunner()
    runner.answer("apt-get --version", code=127)
    with pytest.raises(errors.TurnupError, match="has no apt-get; install what Debian calls runc"):
        apt.install(["runc"], runner, step, tmp_path / "log", root=True)


PLAN = """Reading package lists...
Inst libmnl0 (1.0.4-3 Debian:12.12/oldstable [amd64])
Inst iproute2 [5.0-1] (6.1.0-3 Debian:12.12/oldstable [amd64])
Conf iproute2 (6.1.0-3 Debian:12.12/oldstable [amd64])
"""


def test_versions_are_named_before_and_after(tmp_path, lists):
    """The versions are shown before the installation starts, and are what the result line has."""
    runner = FakeRunner()
    runner.answer("--simulate", output=PLAN)
    runner.answer("--compare-versions", code=1)
    with Progress(io.StringIO(), terminal=False).step("Tools") as step:
        runner.answer("Use-Pty", then=lambda: before.append(step.latest))
        before: list[str] = []
        named = apt.install(["iproute2", "runc"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert named == "iproute2 6.1.0-3, runc"
    assert before == ["installing iproute2 6.1.0-3, runc"]


def test_an_archive_of_old_versions(step, tmp_path, lists):
    """If apt would install a version below the lowest known one, nothing is installed, and the error names both versions."""
    runner = FakeRunner()
    runner.answer("--simulate", output=PLAN.replace("6.1.0-3", "4.20.0-2"))
    with pytest.raises(errors.TurnupError, match="apt offers iproute2 4.20.0-2, and Turnup needs 6.1.0 or newer, which Debian 12 has"):
        apt.install(["iproute2"], runner, step, tmp_path / "log", root=True, lists=lists)

    assert runner.count("dpkg --compare-versions 4.20.0-2 lt 6.1.0") == 1
    assert runner.count("Use-Pty") == 0


def test_every_package_of_up_has_a_lowest_version():
    """No host package is installed of which no lowest version is known."""
    assert {tool.package for tool in tools.TOOLS} == set(apt.LOWEST)
