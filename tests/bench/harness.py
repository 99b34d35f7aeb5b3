"""Runs benchmarks side by side with their peers and reports medians.

Runs of Turnup and of the peer alternate, so that a noisy minute affects both. A benchmark never fails because of a bad
figure: figures are a report, not a test.
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
    """Position of a row in a series of rows that measure the same at different sizes.

    Attributes:
        series: name of the series, such as `apply.scale`.
        x: size of this row, above 0.
        unit: unit of x, in words: `objects`.
    """

    series: str
    x: float
    unit: str


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One row to measure.

    Attributes:
        name: name on the command line, `group.what`.
        ours: runs Turnup once and returns the measured seconds (without setup and cleanup).
        peer: description of the peer; None if nothing comparable is available, which the docs then explain.
        peer_run: like ours, for the peer; None if peer is None.
        rounds: number of runs of each side.
        point: the row's position in a series; None if it is in no series.
        facts: called once after the last run; returns more figures, by name with unit (`worker_peak_mib`). None if there are none.
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
    """Result of a benchmark: medians in seconds, ratio = ours_s / peer_s, n = number of counted runs of each side.

    point and facts are those of the benchmark; the JSON file omits them if they are None.
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
    """Describes this machine in one line: processor, cores, memory in GiB, kernel. It has no host name."""
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
        benchmark: the benchmark.
        report: called with a line for each figure.

    Returns:
        The row, with medians of benchmark.rounds runs.
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
    """Returns the rows as a table for the terminal."""
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
    """Writes the rows as a JSON list, atomically."""
    optional = {"point", "facts"}
    listed = [{name: value for name, value in dataclasses.asdict(row).items() if value is not None or name not in optional} for row in rows]
    write_whole(path, json.dumps(listed, indent=2) + "\n")


def read_json(path: Path) -> list[Row]:
    """Reads rows from a file that write_json wrote.

    Args:
        path: path of the file.

    Returns:
        The rows.

    Raises:
        ValueError: the file can't be read, or contains something else.
    """
    try:
        listed = json.loads(path.read_text())
        return [Row(**{**row, "point": Point(**row["point"]) if row.get("point") else None}) for row in listed]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} contains no rows ({error}); use a file that --json has written") from error


def write_whole(path: Path, text: str) -> None:
    """Writes a file atomically: a reader sees the old text or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    temporary.replace(path)
