"""`bazel.*`: cost of Bazel itself in a repository of 1,000 services, each in four environments."""

import functools
import tempfile
import time
from pathlib import Path

from tests.bench.harness import Benchmark
from tests.bench.workspace import BenchError, Workspace
from tests.build import services
from tests.build.nested import DEVELOPER_ENV, Nested

_COUNT = 1000
_TARGET = f"//svc:{DEVELOPER_ENV}-deep.apply"
_EDITED = services.name_of(500)


@functools.cache
def _nested(workspace: Workspace) -> Nested:
    """Returns a copy of the workspace with the services, loaded once so that all repositories are fetched."""
    folder = Path(workspace.enter(tempfile.TemporaryDirectory(prefix="turnup-bench-bazel-")))
    nested = workspace.enter(Nested(folder))
    services.generate(nested.root, _COUNT)
    _analyse(nested)
    return nested


def _analyse(nested: Nested) -> float:
    """Analyzes an apply of all services, without running actions, and returns the duration in seconds."""
    start = time.monotonic()
    done = nested.bazel("build", "--nobuild", _TARGET)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.strip().splitlines()[-3:]
        raise BenchError(f"bazel build --nobuild {_TARGET}: exit {done.returncode}: {' | '.join(said[:3])}")
    return time.monotonic() - start


def _cold(workspace: Workspace, rounds: int | None) -> Benchmark:
    nested = _nested(workspace)

    def ours() -> float:
        nested.bazel("shutdown")
        return _analyse(nested)

    # The peer rules_k8s needs a Bazel with downloads; nothing else builds a deep target of a graph of services.
    return Benchmark("bazel.1000_services.cold", ours, None, None, rounds or 3)


def _warm(workspace: Workspace, rounds: int | None) -> Benchmark:
    nested = _nested(workspace)
    return Benchmark("bazel.1000_services.warm", lambda: _analyse(nested), None, None, rounds or 5)


def _edit(workspace: Workspace, rounds: int | None) -> Benchmark:
    nested = _nested(workspace)
    build = nested.root / services.FOLDER / _EDITED / "BUILD"
    original = build.read_text()

    def ours() -> float:
        try:
            build.write_text(f"{original}# edited at {time.time_ns()}\n")
            return _analyse(nested)
        finally:
            build.write_text(original)

    return Benchmark("bazel.1000_services.edit", ours, None, None, rounds or 5)


ROWS = {"bazel.1000_services.cold": _cold, "bazel.1000_services.warm": _warm, "bazel.1000_services.edit": _edit}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
