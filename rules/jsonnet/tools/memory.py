"""Worker process and its memory use, for tests; //tests/long uses it too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Self, cast

# About 100 KiB of values per rendering, so that a leak shows within a few hundred renderings.
PROGRAM = """local lib = import 'lib.libsonnet';
{ [std.toString(i)]: lib.item(i) for i in std.range(1, 40) }
"""
LIBRARY = "{ item(i):: { name: 'item-%d' % i, parts: [{ n: k, sum: std.md5(std.toString(k)) } for k in std.range(1, 8)] } }\n"


def _children(pid: int) -> list[int]:
    """Returns the process IDs of a process's children; empty if it has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Worker:
    """A persistent worker, as Bazel runs it; the context manager stops it.

    Attributes:
        process: the server process.
    """

    def __init__(self, folder: Path, engine: str, *flags: str) -> None:
        """Starts the worker.

        Args:
            folder: the working directory, to which PROGRAM and LIBRARY are written.
            engine: name of the engine.
            *flags: more startup flags.
        """
        (folder / "main.jsonnet").write_text(PROGRAM)
        (folder / "lib.libsonnet").write_text(LIBRARY)
        arguments = [f"--engine={engine}", *flags, "--persistent_worker"]
        code = f"import sys; sys.path[:] = {sys.path!r}\nfrom rules.jsonnet.tools import render_tool; sys.exit(render_tool.main({arguments!r}))"
        self.process = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._stdin, self._stdout = cast("IO[bytes]", self.process.stdin), cast("IO[bytes]", self.process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stdin.close()
        self.process.wait(timeout=30)
        self._stdout.close()

    def render(self) -> dict[str, Any]:
        """Renders PROGRAM to out.json and returns the worker's response."""
        return self.request(["--label=//:main", "--src=main.jsonnet", "--input=lib.libsonnet", "--out=out.json"])

    def request(self, words: list[str]) -> dict[str, Any]:
        """Renders what the arguments ask for and returns the worker's response."""
        self._stdin.write(json.dumps({"arguments": words}).encode())
        self._stdin.flush()
        response: dict[str, Any] = json.loads(self._stdout.readline())
        return response

    def children(self) -> list[int]:
        """Returns the process IDs of the worker's children: the evaluator, or none."""
        return _children(self.process.pid)

    def memory(self) -> int:
        """Returns the resident bytes of the server, its evaluator and the engine's own process, if it has one."""
        total = 0
        evaluators = self.children()
        for pid in [self.process.pid, *evaluators, *(child for evaluator in evaluators for child in _children(evaluator))]:
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except FileNotFoundError:
                continue  # the evaluator was replaced in the meantime
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
        return total
