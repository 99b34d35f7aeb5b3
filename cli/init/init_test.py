"""Tests of `turnup init`: what it writes, what it leaves alone, and its errors."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cli.common import tools, workspace
from cli.common.session import Session
from cli.init import command, files, pin
from cluster.common.errors import TurnupError, UsageError
from cluster.common.fake_process import FakeRunner

PIN = pin.Pin("/opt/turnup")


def _init(folder: Path, *words: str) -> str:
    """Runs `turnup init FOLDER WORDS` with this Turnup, and returns what it prints."""
    out = io.StringIO()
    session = Session(FakeRunner(), out, io.StringIO(), {"PATH": ""})
    command.init_command.main([str(folder), *words], obj=session, standalone_mode=False)
    return out.getvalue()


def _tree(folder: Path) -> dict[str, bytes]:
    """Returns the files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _plan(folder: Path) -> files.Plan:
    return files.plan(folder, PIN, bazel_4=False)


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Makes a folder stand for this Turnup."""
    turnup = tmp_path / "turnup"
    turnup.mkdir()
    for name in ("repositories.bzl", "turnup"):
        (turnup / name).touch()
    monkeypatch.setattr(workspace, "ROOT", turnup)
    monkeypatch.setattr(tools, "find", lambda *_: tools.Found(tools.BAZEL, False, "", ""))


def test_new_repository(tmp_path: Path) -> None:
    """A new folder gets everything that `turnup up` needs, and the command to type next."""
    printed = _init(tmp_path / "my shop")

    written = set(_tree(tmp_path / "my shop"))
    assert {"WORKSPACE", "MODULE.bazel", "turnup", "cluster_constants.bzl", "prod/BUILD", "greeter/BUILD", ".gitignore", ".bazelrc"} <= written
    assert 'workspace(name = "my_shop")' in (tmp_path / "my shop/WORKSPACE").read_text()
    assert 'module(name = "my_shop")' in (tmp_path / "my shop/MODULE.bazel").read_text()
    for name in ("WORKSPACE", "MODULE.bazel"):
        assert f'path = "{workspace.ROOT}"' in (tmp_path / "my shop" / name).read_text()
    # Without it Bazel 7 would read WORKSPACE as well, and fetch what no target needs.
    assert not [line for line in (tmp_path / "my shop/WORKSPACE.bzlmod").read_text().splitlines() if not line.startswith("#")]
    assert os.access(tmp_path / "my shop/turnup", os.X_OK)
    assert printed.splitlines()[-1] == f"next: cd '{tmp_path / 'my shop'}' && ./turnup up"
    assert "%{" not in "".join(map(bytes.decode, _tree(tmp_path / "my shop").values()))


def test_existing_repository(tmp_path: Path) -> None:
    """A repository keeps every line that it has; lines come behind them, files beside them, and no sample service."""
    repository = tmp_path / "old"
    before = {"WORKSPACE": 'workspace(name = "old")', ".bazelrc": "build --jobs=3\n", ".gitignore": "/bazel-*\n", "prod/BUILD": "# ours\n", "BUILD": "# ours\n"}
    for name, text in before.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)

    printed = _init(repository)

    after = _tree(repository)
    assert all(after[name].startswith(text.encode()) for name, text in before.items())
    assert after["prod/BUILD"] == b"# ours\n" and "setup" in printed
    assert b"turnup_setup()" in after["WORKSPACE"]
    assert after[".gitignore"].count(b"/bazel-*") == 1
    assert not [name for name in after if name.startswith("greeter")]


@pytest.mark.parametrize("names", [("MODULE.bazel",), ("WORKSPACE",), ("WORKSPACE.bazel", "MODULE.bazel")])
def test_only_the_files_that_exist_declare_turnup(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A repository with MODULE.bazel gets the lines there, one with WORKSPACE gets them there, and neither gets the other file."""
    folder = tmp_path / "old"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("# ours")

    _init(folder)

    files_that_declare = {"MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel"} & set(_tree(folder))
    assert files_that_declare == set(names)
    for name in names:
        text = (folder / name).read_text()
        assert text.startswith("# ours\n\n") and 'name = "turnup"' in text
        assert (name == "MODULE.bazel") == ('turnup.configure(constants = "//:cluster_constants.bzl")' in text)
    assert not (folder / "greeter").exists()


@pytest.mark.parametrize(("version", "written"), [("4.2.3 (Debian)", True), ("5.4.1", True), ("", True), ("6.5.0", False), ("7.7.1", False)])
def test_flags_that_only_an_old_bazel_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, written: bool) -> None:
    """.bazelrc is the same for every Bazel; flags that Bazel 7 refuses are in a file that tools/bazel adds for Bazel 4 and 5."""
    monkeypatch.setattr(tools, "find", lambda *_: tools.Found(tools.BAZEL, True, version, "/usr/bin/bazel"))
    folder = tmp_path / "new"

    _init(folder)

    assert "allow_json_protocol" not in (folder / ".bazelrc").read_text()
    assert os.access(folder / "tools/bazel", os.X_OK) is written
    assert (folder / "tools/bazel_4.bazelrc").exists() is written


def test_own_bazel_wrapper(tmp_path: Path) -> None:
    """A tools/bazel that exists stays as it is, and init says what to add to it."""
    folder = tmp_path / "old"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools/bazel").write_text("# ours\n")

    printed = _init(folder)

    assert (folder / "tools/bazel").read_text() == "# ours\n"
    assert "tools/bazel: make it add --bazelrc=tools/bazel_4.bazelrc" in printed


@pytest.mark.parametrize("name", ["WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel"])
def test_second_run(tmp_path: Path, name: str) -> None:
    """A repository that has Turnup is refused, and nothing is written."""
    (tmp_path / name).write_text('local_repository(name = "turnup", path = "x")\n')
    before = _tree(tmp_path)

    with pytest.raises(UsageError, match=f"{name} declares turnup already"):
        _init(tmp_path)

    assert _tree(tmp_path) == before


def test_file_in_the_way(tmp_path: Path) -> None:
    """A file that has the launcher's name is named, and nothing is written."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/turnup").write_text("ours")

    with pytest.raises(UsageError, match="a/turnup exists; rename it"):
        _init(tmp_path / "a")

    assert _tree(tmp_path / "a") == {"turnup": b"ours"}
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is not a folder"):
        _init(tmp_path / "file")


@pytest.mark.parametrize("failing", range(1, 9))
def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """When any write fails, the folder is as it was before."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "WORKSPACE").write_text("# ours")
    (folder / ".bazelrc").write_text("# ours")
    before = _tree(folder)
    plan = _plan(folder)
    count = 0
    open_file, replace = Path.open, Path.replace

    def fail_once(original):
        def function(self, *arguments, **words):
            nonlocal count
            if original is replace or arguments[:1] == ("x",):
                count += 1
                if count == failing:
                    raise OSError(28, "No space left on device", str(self))
            return original(self, *arguments, **words)

        return function

    monkeypatch.setattr(Path, "open", fail_once(open_file))
    monkeypatch.setattr(Path, "replace", fail_once(replace))
    if failing > len(plan.new) + len(plan.longer):
        files.write(plan)
        return
    with pytest.raises(TurnupError, match="No space left on device; nothing was written"):
        files.write(plan)

    assert {name: content for name, content in _tree(folder).items() if not name.startswith(".WORKSPACE.") and not name.startswith("..bazelrc.")} == before


def test_release(tmp_path: Path) -> None:
    """A release is pinned with its sha256 and its folder; one that cannot be read is named."""
    archive = tmp_path / "turnup-9.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        opened.addfile(tarfile.TarInfo("turnup-9/turnup"))

    found = pin.of_release(str(archive), "9")

    assert (found.place, found.sha256, found.prefix) == (archive.as_uri(), hashlib.sha256(archive.read_bytes()).hexdigest(), "turnup-9")
    assert found.sha256 in found.workspace() and "strip_prefix" in found.module("9")
    with pytest.raises(TurnupError, match="absent.tar.gz"):
        pin.of_release(str(tmp_path / "absent.tar.gz"), "9")
    with pytest.raises(UsageError, match="must begin with https"):
        pin.of_release("ftp://x/y", "9")


def test_folder_without_turnup(tmp_path: Path) -> None:
    """A folder that is not a Turnup is refused."""
    with pytest.raises(UsageError, match="there is no Turnup"):
        pin.of_folder(tmp_path)


def test_sample_service(tmp_path: Path) -> None:
    """The service that init writes answers requests, and stops when it is told to."""
    _init(tmp_path / "new")
    code = "import sys; sys.path.insert(0, '.'); from greeter import main_test; main_test.test_greeting(); print('passed')"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "new", capture_output=True, text=True, check=False)

    assert done.stdout == "passed\n", done.stderr
