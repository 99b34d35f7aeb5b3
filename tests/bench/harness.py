"""Runs benchmarks side by side with their peers and reports medians.

Ours and the peer's run alternate (ours, peer, ours, peer, …), so that a noisy minute falls on both. A benchmark never
fails because a figure is bad: a figure is a report, not a test.
"""

import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.table import Table


@dataclasses.dataclass(frozen=True)
class Point:
    """Where a row stands in a series of rows that measure the same at different sizes.

    Attributes:
      series: what the rows of the series have in common, such as `apply.scale`.
      x: the size of this row, above 0.
      unit: what x counts, in words: `objects`.
    """

    series: str
    x: float
    unit: str


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One row to measure.

    Attributes:
      name: `group.what`, as it is chosen on the command line.
      ours: runs once and returns the seconds that count (set-up and clean-up inside it do not).
      peer: what it is compared with, in words; None where nothing comparable can be had, which the docs then explain.
      peer_run: like ours, for the peer; None exactly when peer is None.
      rounds: how many times each side runs.
      point: the row's place in a series; None for a row that stands alone.
      facts: called once after the last run; further figures by name with their unit (`worker_peak_mib`). None: there are none.
    """

    name: str
    ours: Callable[[], float]
    peer: str | None
    peer_run: Callable[[], float] | None
    rounds: int
    point: Point | None = None
    facts: Callable[[], Mapping[str, float]] | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """A benchmark's result: medians in seconds, ratio = ours_s / peer_s, n = counted runs of each side.

    point and facts are those of the benchmark; JSON has them only where there are any.
    """

    name: str
    ours_s: float
    peer: str | None
    peer_s: float | None
    ratio: float | None
    n: int
    machine: str
    point: Point | None = None
    facts: Mapping[str, float] | None = None


def machine() -> str:
    """This machine in one line: processor, cores, memory in GiB, kernel. No host name."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"


def run(benchmark: Benchmark, report: Callable[[str], None] = lambda text: None) -> Row:
    """Measures one benchmark.

    Args:
      benchmark: what to run.
      report: is told each single figure as it comes.

    Returns:
      the row, with medians of benchmark.rounds runs.
    """
    ours, theirs = [], []
    for number in range(1, benchmark.rounds + 1):
        ours.append(benchmark.ours())
        report(f"{benchmark.name} {number}/{benchmark.rounds}: ours {ours[-1]:.3f} s")
        if benchmark.peer_run:
            theirs.append(benchmark.peer_run())
            report(f"{benchmark.name} {number}/{benchmark.rounds}: {benchmark.peer} {theirs[-1]:.3f} s")
    ours_s = statistics.median(ours)
    peer_s = statistics.median(theirs) if theirs else None
    return Row(
        name=benchmark.name,
        ours_s=round(ours_s, 4),
        peer=benchmark.peer,
        peer_s=round(peer_s, 4) if peer_s is not None else None,
        ratio=round(ours_s / peer_s, 4) if peer_s else None,
        n=benchmark.rounds,
        machine=machine(),
        point=benchmark.point,
        facts=benchmark.facts() if benchmark.facts else None,
    )


def table(rows: list[Row]) -> Table:
    """The rows as a table for the terminal."""
    result = Table()
    for column in ("name", "ours s", "peer", "peer s", "ours / peer", "n"):
        result.add_column(column, justify="left" if column in ("name", "peer") else "right")
    for row in rows:
        result.add_row(
            row.name,
            f"{row.ours_s:.3g}",
            row.peer or "none",
            "" if row.peer_s is None else f"{row.peer_s:.3g}",
            "" if row.ratio is None else f"{row.ratio:.3g}",
            str(row.n),
        )
        for fact, value in (row.facts or {}).items():
            result.add_row(f"  {fact}", f"{value:g}")
    return result


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Writes the rows as a JSON list, whole or not at all."""
    optional = {"point", "facts"}
    listed = [
        {name: value for name, value in dataclasses.asdict(row).items() if value is not None or name not in optional} for row in rows]
    write_whole(path, json.dumps(listed, indent=2) + "\n")


def read_json(path: Path) -> list[Row]:
    """Reads rows that write_json has written.

    Raises:
      ValueError: the file cannot be read or holds something else; the text is one sentence that names it.
    """
    try:
        listed = json.loads(path.read_text())
        return [Row(**{**row, "point": Point(**row["point"]) if row.get("point") else None}) for row in listed]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no rows ({error}); give a file that --json has written") from error


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that a reader sees the old text or the new one, never a part."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)
