"""Tests of Jsonnet actions in a whole build: without workers, and with workers that are killed or get garbage."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.build.nested import Nested

_PROGRAM = "slow/slow.jsonnet"
_BUILD = """load("//rules/jsonnet:defs.bzl", "jsonnet_to_json")
jsonnet_to_json(name = "slow", src = "slow.jsonnet", outs = ["slow.json"])
"""
_OUTPUTS = "rules/jsonnet/examples/outputs"


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Returns a copy of the workspace with a program that takes some seconds."""
    with Nested(tmp_path_factory.mktemp("nested")) as workspace:
        (workspace.root / "slow").mkdir()
        (workspace.root / "slow/BUILD").write_text(_BUILD)
        yield workspace


def _program(nested: Nested, rounds: int, number: int) -> str:
    """Writes the slow program with a new value and returns that value."""
    text = f"{{ n: {number}, x: std.foldl(function(a, i) std.md5(a), std.range(1, {rounds}), '') != '' }}"
    (nested.root / _PROGRAM).write_text(text)
    return f'"n": {number},'


def _workers(nested: Nested) -> list[int]:
    """Returns the process IDs of the copy's Jsonnet workers and of their evaluators."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            here = os.readlink(folder / "cwd").startswith(str(nested.root.parent))
            if here and b"--engine=gojsonnet\0" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # the process has exited
    return found


def _children(pid: int) -> list[int]:
    """Returns the process IDs of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int) -> float:
    """Returns the CPU time of a process in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) / os.sysconf("SC_CLK_TCK")


def test_without_workers_the_bytes_are_the_same(nested):
    """Without workers, each rendering is its own process and writes the same bytes as a worker."""
    targets = [f"//{_OUTPUTS}:{name}" for name in ("several", "stream", "text")]
    paths = [nested.built(f"{_OUTPUTS}/{name}") for name in ("one.json", "sub/two.json", "stream.yaml", "settings.ini")]
    warm = nested.bazel("build", *targets)
    assert warm.returncode == 0 and "worker" in warm.stderr, warm.stderr
    written = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
    cold = nested.bazel("build", "--strategy=Jsonnet=local", *targets)

    assert cold.returncode == 0, cold.stderr
    assert "worker" not in cold.stderr and "local" in cold.stderr, cold.stderr
    assert [path.read_bytes() for path in paths] == written


_NAMES = """load("//rules/jsonnet:defs.bzl", "jsonnet_engines_test", "jsonnet_to_json")
jsonnet_to_json(name = "file", src = "p.jsonnet", outs = ["ü.json"], multiple_outputs = True)
jsonnet_to_json(name = "later", src = "later.jsonnet", outs = ["a.json", "日本/é.json"])
jsonnet_to_json(name = "größe", src = "p.jsonnet", out_dir = "größe")
jsonnet_engines_test(name = "engines_test")
"""


def test_outputs_of_every_alphabet(nested):
    """Outputs, folders and targets may have names in any alphabet; if a worker can't be used, a process of its own renders."""
    (nested.root / "names").mkdir()
    (nested.root / "names/BUILD").write_text(_NAMES, "utf-8")
    (nested.root / "names/p.jsonnet").write_text("{ 'ü.json': 'ü' }", "utf-8")
    (nested.root / "names/later.jsonnet").write_text("{ 'a.json': 1, '日本/é.json': 2 }", "utf-8")

    nested.build("//names:all")

    texts = {path: nested.built(f"names/{path}").read_text("utf-8") for path in ("ü.json", "a.json", "日本/é.json", "größe/ü.json")}
    assert texts == {"ü.json": '"ü"\n', "a.json": "1\n", "日本/é.json": "2\n", "größe/ü.json": '"ü"\n'}


def test_variables_of_the_environment(nested):
    """--action_env sets external variables and arguments, and a changed value renders again."""
    written = []
    for port in (80, 81):
        nested.build(f"--action_env=PORT={port}", "//rules/jsonnet/examples/variables:environment_arguments")
        written.append(json.loads(nested.built("rules/jsonnet/examples/variables/environment_arguments.json").read_text()))

    assert written == [{"is_text": True, "next": next_one, "same": True} for next_one in (81, 82)]


def test_an_evaluator_killed_during_a_build(nested):
    """If the evaluator is killed during a rendering, the build succeeds."""
    value = _program(nested, 3_000_000, 1)
    builds = []
    build = threading.Thread(target=lambda: builds.append(nested.bazel("build", "//slow")))
    build.start()
    killed, deadline = 0, time.monotonic() + 300
    while not killed and build.is_alive():
        assert time.monotonic() < deadline, "no evaluator was at work"
        # The evaluator is a child of another worker process.
        working = {child for pid in _workers(nested) for child in _children(pid) if _seconds(child) > 0.3}
        for pid in working:
            os.kill(pid, signal.SIGKILL)
            killed = pid
        time.sleep(0.05)
    build.join()

    assert killed
    assert builds[0].returncode == 0, builds[0].stderr
    assert value in nested.built("slow/slow.json").read_text()


def _kill(pid: int) -> None:
    """Kills a worker."""
    os.kill(pid, signal.SIGKILL)


def _confuse(pid: int) -> None:
    """Writes garbage to the pipe from which a worker reads requests."""
    Path(f"/proc/{pid}/fd/0").write_bytes(b"what?")


@pytest.mark.parametrize(("number", "harm"), [(2, _kill), (3, _confuse)])
def test_a_worker_killed_between_two_builds(nested, number, harm):
    """If a worker was killed or got garbage between two builds, the next build succeeds with a new one."""
    _program(nested, 10, -number)
    nested.build("//slow")
    workers = _workers(nested)
    fronts = [pid for pid in workers if not any(pid in _children(other) for other in workers)]
    assert fronts
    for pid in fronts:
        harm(pid)
    deadline = time.monotonic() + 20
    while set(fronts) & set(_workers(nested)):
        assert time.monotonic() < deadline, "the worker goes on"
        time.sleep(0.05)
    value = _program(nested, 10, number)

    nested.build("//slow")

    assert value in nested.built("slow/slow.json").read_text()
