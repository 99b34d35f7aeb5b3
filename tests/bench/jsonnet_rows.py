"""`jsonnet.*`: rendering in a warm worker and in a cold build, compared with go-jsonnet and the C++ engine."""

import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cluster.common.process import ProcessRunner
from cluster.common.progress import SilentProgress
from cluster.programs.toolchain import find_go
from tests.bench import jsonnet_programs as programs
from tests.bench.harness import Benchmark
from tests.bench.workspace import BenchError, Workspace
from tests.build.nested import Nested

_GO_JSONNET = "0.22.0"
_CPP_JSONNET = "0.22.0"
_TOOL = "rules/jsonnet/tools/render_gojsonnet"
_RENDERS_A_RUN = 50
"""A small program takes so little that one run is the mean of this many."""
_RENDERS = 10_000
_PROCESSES_A_RUN = 5


class _Worker:
    """Our renderer as Bazel runs it: a persistent worker with JSON requests."""

    def __init__(self, tool: Path, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen([tool, "--engine=gojsonnet", "--persistent_worker"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def render(self, program: str) -> float:
        """Renders one program to a file and returns the seconds until the worker's response."""
        words = [f"--label=//bench:{program}", f"--src={program}", f"--input={programs.LIBRARY}", f"--out=out/{program}.json"]
        start = time.perf_counter()
        self._process.stdin.write(json.dumps({"arguments": words, "requestId": 0}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        seconds = time.perf_counter() - start
        if answer["exitCode"]:
            raise BenchError(f"{program}: {answer['output'].strip()}")
        return seconds

    def memory_mib(self) -> float:
        """Returns the resident memory of the worker, its evaluator and the engine's own process."""
        processes = [str(self._process.pid)]
        for process in processes:  # grows while it is read: children, then theirs
            children = Path(f"/proc/{process}/task/{process}/children")
            processes += children.read_text().split() if children.exists() else []
        total = 0.0
        for process in processes:
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except FileNotFoundError:  # the evaluator was replaced in the meantime
                continue
            total += sum(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
        return total


@functools.cache
def _programs(workspace: Workspace) -> Path:
    folder = Path(workspace.enter(tempfile.TemporaryDirectory(prefix="turnup-bench-jsonnet-")))
    programs.write(folder)
    return folder


@functools.cache
def _worker(workspace: Workspace) -> _Worker:
    workspace.run("bazel", "build", f"//{_TOOL.rpartition('/')[0]}:{_TOOL.rpartition('/')[2]}")
    worker = workspace.enter(_Worker(workspace.directory / "bazel-bin" / _TOOL, _programs(workspace)))
    worker.render(programs.name_of(0))
    return worker


@functools.cache
def _go_jsonnet(workspace: Workspace) -> Path:
    """Returns the go-jsonnet command, which `go install` builds at a version in Go's checksum database."""
    folder = _programs(workspace) / "bin"
    go = str(find_go(ProcessRunner()).executable(SilentProgress()))
    workspace.run("env", f"GOBIN={folder}", "GOTOOLCHAIN=local", go, "install", f"github.com/google/go-jsonnet/cmd/jsonnet@v{_GO_JSONNET}")
    return folder / "jsonnet"


@functools.cache
def _cpp_python(workspace: Workspace) -> Path:
    """Returns a Python with PyPI's jsonnet, the C++ engine, which has no command of its own."""
    folder = _programs(workspace) / "venv"
    workspace.run(sys.executable, "-m", "venv", str(folder))
    workspace.run(str(folder / "bin/pip"), "install", "--quiet", "--only-binary", ":all:", f"jsonnet=={_CPP_JSONNET}")
    return folder / "bin/python"


def _command(workspace: Workspace, *words: object) -> float:
    """Runs a peer's command on the programs and returns the duration in seconds."""
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in words], cwd=_programs(workspace), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise BenchError(f"{words[0]}: exit {done.returncode}: {done.stderr.strip()[:200]}")
    return seconds


def _worker_small(workspace: Workspace, rounds: int | None) -> Benchmark:
    worker, go = _worker(workspace), _go_jsonnet(workspace)

    def ours() -> float:
        return sum(worker.render(programs.name_of(i % programs.COUNT)) for i in range(_RENDERS_A_RUN)) / _RENDERS_A_RUN

    def peer() -> float:
        seconds = [_command(workspace, go, "-o", "peer.json", programs.name_of(i)) for i in range(_PROCESSES_A_RUN)]
        return sum(seconds) / len(seconds)

    def facts() -> Mapping[str, float]:
        peak = first = worker.memory_mib()
        for number in range(_RENDERS):
            worker.render(programs.name_of(number % programs.COUNT))
            if number % 20 == 0:
                peak = max(peak, worker.memory_mib())
        return {"renders": _RENDERS, "memory_before_mib": round(first), "memory_peak_mib": round(peak), "memory_after_mib": round(worker.memory_mib())}

    return Benchmark("jsonnet.worker_small", ours, f"go-jsonnet {_GO_JSONNET}, a process per file", peer, rounds or 11, facts=facts)


def _large_300(workspace: Workspace, rounds: int | None) -> Benchmark:
    worker, go = _worker(workspace), _go_jsonnet(workspace)
    return Benchmark(
        "jsonnet.large_300",
        lambda: worker.render(programs.LARGE),
        f"go-jsonnet {_GO_JSONNET}",
        lambda: _command(workspace, go, "-o", "peer.json", programs.LARGE),
        rounds or 5,
    )


def _large_300_cpp(workspace: Workspace, rounds: int | None) -> Benchmark:
    worker, python = _worker(workspace), _cpp_python(workspace)
    code = f"import _jsonnet; open('peer.json', 'w').write(_jsonnet.evaluate_file('{programs.LARGE}'))"
    # One run of the peer takes minutes, so noise hardly matters; three runs show that they agree.
    return Benchmark(
        "jsonnet.large_300_cpp",
        lambda: worker.render(programs.LARGE),
        f"jsonnet {_CPP_JSONNET} (C++)",
        lambda: _command(workspace, python, "-I", "-c", code),
        rounds or 3,
    )


def _build_300(workspace: Workspace, rounds: int | None) -> Benchmark:
    folder = Path(workspace.enter(tempfile.TemporaryDirectory(prefix="turnup-bench-bazel-")))
    nested = workspace.enter(Nested(folder))
    ours, peer = programs.write_packages(nested.root, _go_jsonnet(workspace))
    tool = f"//{_TOOL.rpartition('/')[0]}:{_TOOL.rpartition('/')[2]}"

    def cold(target: str) -> float:
        """Builds without built programs and without a server; our worker's files and the peer's command exist."""
        for words in (("clean",), ("build", tool), ("shutdown",)):
            if words[0] == "shutdown":
                nested.bazel(*words)
            elif (done := nested.bazel(*words)).returncode:
                raise BenchError(f"bazel {' '.join(words)}: {done.stderr.strip()[-300:]}")
        start = time.perf_counter()
        done = nested.bazel("build", target)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise BenchError(f"bazel build {target}: {done.stderr.strip()[-300:]}")
        return seconds

    return Benchmark("jsonnet.build_300", lambda: cold(ours), f"go-jsonnet {_GO_JSONNET}, a process per action", lambda: cold(peer), rounds or 5)


ROWS = {
    "jsonnet.worker_small": _worker_small,
    "jsonnet.large_300": _large_300,
    "jsonnet.large_300_cpp": _large_300_cpp,
    "jsonnet.build_300": _build_300,
}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
