"""Tests of the tool as a process: without a worker, with its limits, and when Bazel stops it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from rules.jsonnet.tools import render

_ENDLESS = "local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; [f(400) for i in std.range(1, 1000000)]"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _program(name: str, code: str) -> list[str]:
    """Writes a program and returns the arguments that render it to NAME.json."""
    Path(f"{name}.jsonnet").write_text(code, encoding="utf-8")
    return [f"--label=//:{name}", f"--src={name}.jsonnet", f"--out={name}.json"]


def _start(arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts the tool as a child process with the import path of this process."""
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom rules.jsonnet.tools import render_tool; sys.exit(render_tool.main({arguments!r}))"
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stderr=subprocess.PIPE, **options)


def test_without_a_worker() -> None:
    """Without a worker, a rendering writes the same file and has the same message and exit code."""
    good = _start(_program("one", "{ b: 1 }"))
    _, err = good.communicate(timeout=60)
    assert (good.returncode, err) == (0, b"")
    assert Path("one.json").read_text() == '{\n   "b": 1\n}\n'

    bad = _start(_program("two", "error 'no'"))
    _, err = bad.communicate(timeout=60)

    assert bad.returncode == 1
    assert err.decode() == render.run(_program("two", "error 'no'"))[1]


def test_limits_without_a_worker(folder: Path) -> None:
    """Without a worker, a rendering has the same limits, and its message has the label from the parameter file."""
    (folder / "parameters").write_text("\n".join(_program("endless", _ENDLESS)))
    process = _start(["--engine=rjsonnet", "--timeout=1", "--memory=4096", "@parameters"])

    _, err = process.communicate(timeout=30)

    assert process.returncode == 1
    assert err.decode().startswith("ERROR: //:endless: the program did not finish within 1 s; ")


def test_limits_of_a_worker(folder: Path) -> None:
    """The startup limits of a worker apply to each request."""
    process = _start(["--persistent_worker", "--timeout=1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = process.communicate(json.dumps({"arguments": _program("endless", _ENDLESS)}).encode(), timeout=30)

    assert "did not finish within 1 s" in json.loads(out)["output"]


def _children(pid: int) -> list[int]:
    """Returns the process IDs of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait(condition: Callable[[], object], what: str) -> None:
    """Waits up to 20 seconds until a condition is true."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.02)


def _running(pid: int) -> bool:
    """Returns whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_an_endless_program_dies_with_its_worker(ending: signal.Signals) -> None:
    """When Bazel stops a worker during a rendering, no process remains."""
    process = _start(["--persistent_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stdin: IO[bytes] = process.stdin
    stdin.write(json.dumps({"arguments": _program("endless", _ENDLESS)}).encode())
    stdin.flush()
    _wait(lambda: _children(process.pid), "for the evaluator")
    child = _children(process.pid)[0]

    process.send_signal(ending)
    process.communicate(timeout=20)

    assert process.returncode == (0 if ending == signal.SIGTERM else -signal.SIGKILL)
    _wait(lambda: not _running(child), "for the evaluator to exit")
