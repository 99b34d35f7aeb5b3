"""Tests of the table of tools: versions, paths, and which ones are supported."""

import os

import pytest

from cli.common import tools
from cluster.common.fake_process import FakeRunner


def program(folder, name):
    """Writes an executable with that name into a folder, and returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("git version 2.39.5", "2.39.5"),
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1", "1.6.20"),
        ("bazel 4.2.3", "4.2.3"),
        ("javac 21", "21"),
        ("runc version 1.1.5+ds1\nspec: 1.0.2-dev", "1.1.5"),
        ("no digits here", ""),
    ],
)
def test_versions_are_read(text, version):
    """The version is found in the output of each tool."""
    assert tools.parse_version(text) == version


@pytest.mark.parametrize(("version", "fits"), [("4.1.9", False), ("4.2", True), ("4.2.3", True), ("4.3.0", False), ("10.0", False)])
def test_bounds(version, fits):
    """The lower bound is included, the upper bound is not, and 10 is more than 4."""
    assert tools.version_fits(version, (4, 2), (4, 3)) is fits


@pytest.mark.parametrize(
    ("answer", "fits"),
    [("bazel 4.1.0", False), ("bazel 4.2.1", True), ("bazel 5.4.1", True), ("bazel 6.5.0", True), ("bazel 7.7.1", True), ("bazel 8.0.0", False)],
)
def test_supported_bazel(tmp_path, answer, fits):
    """Bazel 4.2 to 7 can be used."""
    program(tmp_path / "bin", "bazel")
    runner = FakeRunner()
    runner.answer("--version", output=answer)

    found = tools.find(tools.BAZEL, runner, {"PATH": str(tmp_path / "bin")})

    assert (found.fits, found.version) == (fits, answer.split()[1])


def test_debian_bazel_is_known(tmp_path):
    """Debian's Bazel, which prints no version, counts as 4.2.3."""
    path = program(tmp_path / "bin", "bazel")
    runner = FakeRunner()
    runner.answer("--version", output="bazel no_version")

    found = tools.find(tools.BAZEL, runner, {"PATH": str(tmp_path / "bin")})

    assert (found.fits, found.version, found.path) == (True, "4.2.3 (Debian)", path)


@pytest.mark.parametrize(
    ("code", "answer", "fits"),
    [
        (0, "28.2.2", True),
        (1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", False),
        (1, "Error response from daemon: client version 1.51 is too new. Maximum supported API version is 1.41", False),
    ],
)
def test_docker_needs_an_engine(tmp_path, code, answer, fits):
    """A Docker client is ok only if an engine answers it."""
    path = program(tmp_path / "bin", "docker")
    runner = FakeRunner()
    runner.answer("docker version", code=code, output=answer)
    (docker,) = (tool for tool in tools.OPTIONAL_TOOLS if tool.name == "docker")

    found = tools.find(docker, runner, {"PATH": str(tmp_path / "bin")})

    assert (found.fits, found.path, found.version) == (fits, path, "28.2.2" if fits else "")


def test_second_on_path_is_used_where_the_first_does_not_fit(tmp_path):
    """A Bazel that is too new does not hide a supported one later on PATH."""
    program(tmp_path / "new", "bazel")
    good = program(tmp_path / "old", "bazel")
    runner = FakeRunner()
    runner.answer("new/bazel", output="bazel 8.1.0")
    runner.answer("old/bazel", output="bazel 4.2.1")

    found = tools.find(tools.BAZEL, runner, {"PATH": f"{tmp_path / 'new'}{os.pathsep}{tmp_path / 'old'}"})

    assert (found.fits, found.path) == (True, good)


def test_misfit_is_reported_with_its_place(tmp_path):
    """If no version is supported, the first one found is reported."""
    path = program(tmp_path / "bin", "bazel")
    runner = FakeRunner()
    runner.answer("--version", output="bazel 8.1.0")

    found = tools.find(tools.BAZEL, runner, {"PATH": str(tmp_path / "bin")})

    assert (found.fits, found.version, found.path) == (False, "8.1.0", path)


def test_program_that_hangs_is_passed_over(tmp_path):
    """A wrapper that hangs, as on a download, does not count as the tool."""
    program(tmp_path / "bin", "bazel")
    runner = FakeRunner()
    runner.answer("--version", code=124)

    assert not tools.find(tools.BAZEL, runner, {"PATH": str(tmp_path / "bin")}).fits


def test_files_of_a_package(tmp_path):
    """A tool that is not a program is found by its path."""
    there = tools.Tool("x", "any", "x", paths=(str(tmp_path / "absent"), str(tmp_path)))
    gone = tools.Tool("x", "any", "x", paths=(str(tmp_path / "absent"),))

    assert tools.find(there, FakeRunner()).path == str(tmp_path)
    assert not tools.find(gone, FakeRunner()).fits


def test_every_row_can_be_had():
    """Each tool has a package to install and a way to be found."""
    for tool in tools.TOOLS:
        assert tool.package and tool.wanted
        assert bool(tool.programs) != bool(tool.paths), tool.name
