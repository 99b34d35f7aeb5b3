"""Tests of the worker with each engine: same bytes with and without it, recovery, no stale files, bounded memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.jsonnet.tools import memory, worker
from rules.jsonnet.tools.request import ENGINES


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Returns the name of each engine in turn."""
    return str(request.param)


@pytest.fixture
def warm(tmp_path: Path, engine: str) -> Iterator[memory.Worker]:
    """Starts a worker in an empty folder."""
    with memory.Worker(tmp_path, engine) as started:
        yield started


_DONE = {"exitCode": 0, "output": "", "requestId": 0}


def test_one_process_per_action_writes_the_same_bytes(warm: memory.Worker, tmp_path: Path, engine: str) -> None:
    """Without a worker, the output is the same."""
    assert warm.render() == _DONE
    wanted = (tmp_path / "out.json").read_bytes()
    arguments = [f"--engine={engine}", "--src=main.jsonnet", "--input=lib.libsonnet", "--out=alone.json"]
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom rules.jsonnet.tools import render_tool; sys.exit(render_tool.main({arguments!r}))"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, check=True)

    assert (tmp_path / "alone.json").read_bytes() == wanted


def test_all_engines_write_the_same_bytes(warm: memory.Worker, tmp_path: Path) -> None:
    """The output does not depend on the engine."""
    assert warm.render() == _DONE
    written = (tmp_path / "out.json").read_bytes()
    with memory.Worker(tmp_path, ENGINES[0]) as other:
        assert other.render() == _DONE

    assert (tmp_path / "out.json").read_bytes() == written


def test_a_killed_evaluator_is_replaced(warm: memory.Worker) -> None:
    """After the evaluator is killed, the next rendering uses a new one."""
    assert warm.render() == _DONE
    (killed,) = warm.children()
    os.kill(killed, signal.SIGKILL)

    assert warm.render() == _DONE
    assert warm.children() != [killed]


def test_a_changed_library_is_seen(warm: memory.Worker, tmp_path: Path) -> None:
    """A changed library is read again, even if size and modification time are the same."""
    assert warm.render() == _DONE
    library = tmp_path / "lib.libsonnet"
    stamp = library.stat()
    library.write_text(memory.LIBRARY.replace("item-", "ITEM-"))
    os.utime(library, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert warm.render() == _DONE
    assert "ITEM-1" in (tmp_path / "out.json").read_text()


def test_an_error_in_the_worker_has_a_location(warm: memory.Worker, tmp_path: Path) -> None:
    """The response for a failed program has label and location, and the worker continues."""
    assert warm.render() == _DONE
    (tmp_path / "main.jsonnet").write_text("{ x: {}.gone }")
    response = warm.render()

    assert response["exitCode"] == 1
    assert response["output"].startswith("ERROR: //:main: ")
    assert "main.jsonnet:1:6" in response["output"]
    (tmp_path / "main.jsonnet").write_text(memory.PROGRAM)
    assert warm.render() == _DONE


def test_memory_of_the_default_engine(tmp_path: Path) -> None:
    """During 150 renderings go-jsonnet collects its garbage: the same evaluator needs less than 200 MiB, with all processes of the worker."""
    with memory.Worker(tmp_path, ENGINES[0]) as warm:
        assert warm.render() == _DONE
        evaluators = warm.children()
        peak = 0
        for _ in range(150):
            assert warm.render() == _DONE
            peak = max(peak, warm.memory())

        assert warm.children() == evaluators
    assert peak < 200 * 2**20


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """During 100 large renderings the evaluator of rjsonnet is replaced before it uses much more memory than the limit.

    //tests/long:jsonnet_memory_test renders 10,000 times with each engine.
    """
    with memory.Worker(tmp_path, "rjsonnet") as warm:
        (tmp_path / "main.jsonnet").write_text(memory.PROGRAM.replace("40", "1000"))
        peak, evaluators = 0, set()
        for _ in range(100):
            assert warm.render() == _DONE
            evaluators.update(warm.children())
            peak = max(peak, warm.memory())

    # The limit is checked after a rendering, and the server itself needs 30 MiB.
    assert peak < worker.MEMORY_LIMIT + 64 * 2**20
    assert len(evaluators) > 1, "the limit was never reached: this test proves nothing"
