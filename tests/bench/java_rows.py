"""`java.*`: compiling a library of 200 files with 20 dependents, beside plain javac on the same files."""

import functools
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench import java_programs
from tests.bench.harness import Benchmark
from tests.bench.workspace import BenchError, Workspace
from tests.build.nested import Nested

_FOLDER = "javabench"
_EDITED = f"{_FOLDER}/core/Part100.java"
_PEER = "javac -g on the 200 files"
_numbers = itertools.count(time.time_ns())


@functools.cache
def _nested(workspace: Workspace) -> Nested:
    """Returns a copy of the workspace with the library, all of it built, and a warm worker."""
    folder = Path(workspace.enter(tempfile.TemporaryDirectory(prefix="turnup-bench-java-")))
    nested = workspace.enter(Nested(folder))
    for path, text in java_programs.files():
        file = nested.root / _FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    _build(nested)
    return nested


def _build(nested: Nested, *flags: str, target: str = "all_users") -> tuple[float, list[str]]:
    """Builds a target and returns the seconds that it took, and the targets that were compiled.

    The result must not come from a cache of an earlier run.
    """
    start = time.monotonic()
    done = nested.bazel("build", "--disk_cache=", "--subcommands", *flags, f"//{_FOLDER}:{target}")
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise BenchError(f"bazel build //{_FOLDER}:{target}: exit {done.returncode}: {' | '.join(done.stderr.strip().splitlines()[-3:])}")
    return seconds, re.findall(rf"SUBCOMMAND: # //{_FOLDER}:(\w+) \[action 'Compiling ", done.stderr)


def _edit(nested: Nested) -> None:
    """Changes the body of one method of the library."""
    file = nested.root / _EDITED
    file.write_text(re.sub(r"least \+ \d+", f"least + {next(_numbers) % 1_000_000}", file.read_text(), count=1))


def _javac(nested: Nested) -> float:
    """Compiles the library with a javac process of its own and returns the seconds that it took."""
    home = Path(os.path.realpath(shutil.which("javac") or "javac")).parent
    sources = sorted(str(path) for path in (nested.root / _FOLDER / "core").glob("*.java"))
    with tempfile.TemporaryDirectory() as classes:
        start = time.monotonic()
        subprocess.run([str(home / "javac"), "-g", "-d", classes, *sources], check=True, timeout=900)
        return time.monotonic() - start


def _compile_edit(workspace: Workspace, rounds: int | None) -> Benchmark:
    nested = _nested(workspace)
    recompiled: list[int] = []

    def ours() -> float:
        _edit(nested)
        seconds, compiled = _build(nested)
        if "core" not in compiled:
            raise BenchError(f"{_EDITED} was changed, but //{_FOLDER}:core was not compiled.")
        recompiled.append(len(compiled) - 1)
        return seconds

    def facts() -> Mapping[str, float]:
        return {"dependents_recompiled": max(recompiled)}

    for _ in range(5):  # The virtual machine compiles what it runs often.
        ours()
    return Benchmark("java.compile_edit", ours, _PEER, lambda: _javac(nested), rounds or 5, facts=facts)


def _cold_200(workspace: Workspace, rounds: int | None) -> Benchmark:
    nested = _nested(workspace)

    def ours() -> float:
        # Ends the workers, but not Bazel, and leaves nothing of the library.
        _build(nested, "--worker_quit_after_build", target="user0")
        _edit(nested)
        return _build(nested, target="core")[0]

    return Benchmark("java.cold_200", ours, _PEER, lambda: _javac(nested), rounds or 5)


ROWS = {"java.compile_edit": _compile_edit, "java.cold_200": _cold_200}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
