"""Tests of the tool as a process: without a worker, with its limits, and when Bazel stops it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from rules.jsonnet.tools import render
from rules.jsonnet.tools.testing import ENDLESS, children, running, wait, write_program


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _start(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts the tool as a child process with the import path of this process."""
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom rules.jsonnet.tools import render_tool; sys.exit(render_tool.main({arguments!r}))"
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stderr=subprocess.PIPE, **options)


def test_without_a_worker() -> None:
    """Without a worker, a rendering writes the same file and has the same message and exit code."""
    good = _start(write_program("one", "{ b: 1 }"))
    _, err = good.communicate(timeout=60)
    assert (good.returncode, err) == (0, b"")
    assert Path("one.json").read_text() == '{\n   "b": 1\n}\n'

    bad = _start(write_program("two", "error 'no'"))
    _, err = bad.communicate(timeout=60)

    assert bad.returncode == 1
    assert err.decode() == render.run(write_program("two", "error 'no'"))[1]


def test_limits_without_a_worker(folder: Path) -> None:
    """Without a worker, a rendering has the same limits, and its message has the label from the parameter file."""
    (folder / "parameters").write_text("\n".join(write_program("endless", ENDLESS)))
    process = _start(["--engine=rjsonnet", "--timeout=1", "--memory=4096", "@parameters"])

    _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err.decode().startswith("ERROR: //:endless: the program did not finish within 1 s; ")


def test_limits_of_a_worker(folder: Path) -> None:
    """The startup limits of a worker apply to each request."""
    process = _start(["--persistent_worker", "--timeout=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = process.communicate(json.dumps({"arguments": write_program("endless", ENDLESS)}).encode(), timeout=30)

    assert "did not finish within 1 s" in json.loads(out)["output"]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_an_endless_program_dies_with_its_worker(ending: signal.Signals) -> None:
    """When Bazel stops a worker during a rendering, no process remains."""
    process = _start(["--persistent_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stdin: IO[bytes] = process.stdin
    stdin.write(json.dumps({"arguments": write_program("endless", ENDLESS)}).encode())
    stdin.flush()
    wait(lambda: children(process.pid), "for the evaluator")
    child = children(process.pid)[0]

    process.send_signal(ending)
    process.communicate(timeout=20)

    assert process.returncode == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
    wait(lambda: not running(child), "for the evaluator to exit")
