"""Programs and processes for tests of the worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

ENDLESS = "local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; [f(400) for i in std.range(1, 1000000)]"
"""A program that runs for hours, without growing."""


def write_program(name: str, code: str) -> list[str]:
    """Writes a program and returns the arguments that render it to NAME.json."""
    Path(f"{name}.jsonnet").write_text(code, encoding="utf-8")
    return [f"--label=//:{name}", f"--src={name}.jsonnet", f"--out={name}.json"]


def children(pid: int) -> list[int]:
    """Returns the process IDs of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait(condition: Callable[[], object], what: str) -> None:
    """Waits up to 20 seconds until a condition is true."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.02)


def running(pid: int) -> bool:
    """Returns whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
