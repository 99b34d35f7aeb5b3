"""Tests of the wheel: pip installs it without network, and its `turnup init` writes what the checkout's writes."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.common import workspace
from cli.init import standalone
from cli.main import turnup
from tests.release.released import ARCHIVE, WHEEL, pinned
from tests.repo import tree


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """Returns the folder of the programs of a virtual environment with the wheel and the locked packages that it needs."""
    folder = tmp_path_factory.mktemp("venv")
    wheels = folder / "wheels"
    wheels.mkdir()
    for path in Path(os.environ["RUNFILES_DIR"]).glob("turnup_pip_*/*.whl"):
        (wheels / path.name).symlink_to(path)
    subprocess.run([sys.executable, "-Im", "venv", str(folder / "venv")], check=True)
    pip = [folder / "venv/bin/python", "-Im", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    done = subprocess.run([*pip, "install", "--no-index", "--find-links", wheels, WHEEL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert subprocess.run([*pip, "check"], capture_output=True, check=False).returncode == 0
    return folder / "venv/bin"


def _run(program, *words, cwd):
    """Runs a program as a user's shell does."""
    environment = {key: value for key, value in os.environ.items() if key in ("HOME", "PATH", "XDG_CACHE_HOME")}
    return subprocess.run([program, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def _tree(folder):
    """Returns the files of a folder with their modes."""
    return {str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("option", [["--turnup", tree.ROOT], ["--release", ARCHIVE.resolve()]], ids=["folder", "release"])
def test_init_writes_what_the_checkout_writes(venv, tmp_path, option):
    """The installed command writes the same files as the checkout's own, in a folder of the same name."""
    for name in ("installed", "checkout"):
        (tmp_path / name / "shop").mkdir(parents=True)

    installed = _run(venv / "turnup", "init", *option, cwd=tmp_path / "installed/shop")
    checkout = _run(tree.ROOT / "turnup", "init", *option, cwd=tmp_path / "checkout/shop")

    assert (installed.returncode, installed.stderr) == (0, ""), installed.stderr
    assert installed.stdout == checkout.stdout
    assert "WORKSPACE" in _tree(tmp_path / "installed/shop")
    assert _tree(tmp_path / "installed/shop") == _tree(tmp_path / "checkout/shop")


def test_init_without_a_release(venv, tmp_path):
    """A wheel that does not know where its release is says what to add, and writes nothing."""
    done = _run(venv / "turnup", "init", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ERROR: this turnup was installed from a wheel, which has no rules; add --release URL, or --turnup FOLDER with a checkout\n"
    assert list(tmp_path.iterdir()) == []


def test_another_archive_of_this_version(venv, tmp_path):
    """The wheel knows the sha256 of its release, and refuses another archive of the same version."""
    other = tmp_path / "other.tar.gz"
    other.write_bytes(ARCHIVE.read_bytes() + bytes(512))

    done = _run(venv / "turnup", "init", "shop", "--release", other, cwd=tmp_path)

    assert done.returncode == 1 and f"the release of turnup {workspace.VERSION} has {pinned().sha256}" in done.stderr
    assert not (tmp_path / "shop").exists()


def test_other_commands(venv):
    """A command that belongs to a repository is one sentence; the version is the repository's."""
    # The folders of a test are below the repository.
    done = _run(venv / "turnup", "up", cwd="/")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and done.stderr.startswith("ERROR: up needs a repository")
    assert _run(venv / "turnup", "--version", cwd="/").stdout == f"turnup {workspace.VERSION}\n"
    assert set(standalone.ELSEWHERE) == set(turnup.list_commands(None)) - {"init", "build-kubernetes"}


def test_metadata(venv):
    """The installed package has the name, version and license of the repository, and nothing at the top level but itself."""
    (found,) = [each for each in importlib.metadata.distributions(path=[str(next(venv.parent.glob("lib/*/site-packages")))]) if each.name == "turnup"]

    assert (found.version, found.metadata["License-Expression"]) == (workspace.VERSION, "Apache-2.0")
    assert {file.parts[0] for file in found.files if ".." not in file.parts} == {"turnup", f"turnup-{workspace.VERSION}.dist-info"}
