"""What comes from outside and is pinned by hash, and what is not: the section of `turnup doctor` about the supply chain."""

import platform
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cli.common.tools import Found

# (what, lock files, what a line of one package has)
_LOCKS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Python packages", ("cli/*.lock", "third_party/python/*.lock"), r"^[A-Za-z0-9._-]+==.*\n(?=\s+--hash=sha256:)"),
    ("Java artifacts", ("third_party/java/*.lock",), r'"sha256": *"[0-9a-f]{64}"|: *"[0-9a-f]{64}"'),
    ("Go modules", ("cluster/embedded/*/go.sum", "third_party/go/*/go.sum", "go/go.sum"), r"^\S+ \S+(?<!/go\.mod) h1:"),
    ("Go toolchain", ("third_party/go/*.lock",), r"^[A-Za-z0-9._-]+==.*\n(?=\s+--hash=sha256:)"),
    ("Debian packages in images", ("third_party/debian/*.lock",), r"^[^#\s]\S* \S+ \S+ [0-9a-f]{64}$"),
)
_HOST = "Debian's signature at installation; the version is what apt's sources have"


def rows(root: Path, found: Sequence[Found], go: str, release: Callable[[], str] = platform.release) -> list[dict[str, object]]:
    """Returns one row per kind of thing.

    Args:
        root: the workspace.
        found: the tools of this machine.
        go: the version of Go on PATH; "" if the pinned one is used.
        release: returns the version of the kernel.

    Returns:
        Dicts with the keys of `doctor.rows`, and pinned (bool).
    """
    table = [_row(what, f"{_count(root, patterns, line)} with a hash each", ", ".join(patterns), pinned=True) for what, patterns, line in _LOCKS]
    table += [_row(f"host package {one.tool.package}", one.version or "any version", _HOST, pinned=False) for one in _packages(found)]
    table.append(_row("containerd, runc, CNI plugins", "what this system or Debian has", _HOST, pinned=False))
    if go:
        table.append(_row("Go on PATH", go, "whoever installed it", pinned=False))
    table.append(_row("kernel", release(), "this system", pinned=False))
    return table


def _packages(found: Iterable[Found]) -> list[Found]:
    """Returns the tools with different packages: Bazel, the JDK, Maven, the compiler and programs of the system."""
    return list({one.tool.package: one for one in found}.values())


def _count(root: Path, patterns: Iterable[str], line: str) -> int:
    """Returns how many packages the lock files have."""
    return sum(len(re.findall(line, path.read_text(), re.MULTILINE)) for pattern in patterns for path in root.glob(pattern))


def _row(what: str, state: str, by: str, *, pinned: bool) -> dict[str, object]:
    return {"tool": what, "found": state, "path": "", "wanted": by, "ok": True, "needed": False, "get": "", "pinned": pinned}
