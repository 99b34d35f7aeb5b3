"""`turnup doctor`: which tools this machine has, which turnup needs, how to get the missing ones, and what is pinned by hash."""

import json
import os
from typing import TextIO

from cli import kubernetes, pins
from cli.common import tools, workspace
from cluster.common.process import Runner
from cluster.trust import trust_rows
from rules.common.control_characters import escape_control_characters


def rows(runner: Runner) -> list[dict[str, object]]:
    """Looks for every tool.

    Returns:
        One dict per tool with the keys tool, found (version; "" if unknown), path, wanted, ok (bool), needed (bool; False
        for what only another provider needs) and get (the command that installs it; "" if it is ok). The rows of pins.py follow,
        which also have pinned (bool).
    """
    found = [tools.python(), *tools.find_all(runner)]
    table: list[dict[str, object]] = [
        {
            "tool": one.tool.name,
            "found": one.version,
            "path": one.path,
            "wanted": one.tool.wanted,
            "ok": one.fits,
            "needed": True,
            "get": "" if one.fits else f"apt-get install {one.tool.package}",
        }
        for one in found
    ]
    table += kubernetes.doctor_rows() + trust_rows(runner)
    go = next((str(row["found"]) for row in table if row["tool"] == "go" and row["ok"]), "")
    for one in tools.find_all(runner, tools.OPTIONAL_TOOLS):
        table.append(
            {
                "tool": one.tool.name,
                "found": one.version,
                "path": one.path,
                "wanted": one.tool.wanted,
                "ok": one.fits,
                "needed": False,
                "get": "" if one.fits else one.tool.package,
            }
        )
    return table + pins.rows(workspace.ROOT, found[1:], go)


def run(runner: Runner, stdout: TextIO, *, as_json: bool) -> int:
    """Prints the table.

    Args:
        runner: runs the tools to get their versions.
        stdout: where to print.
        as_json: print the rows as JSON instead of a table.

    Returns:
        0 if every needed tool is ok, otherwise 1.
    """
    table = rows(runner)
    missing = [row for row in table if row["needed"] and not row["ok"]]
    if as_json:
        print(escape_control_characters(json.dumps(table, indent=2)), file=stdout)
        return 1 if missing else 0
    # Imported here: no other command needs rich when it is piped.
    from rich.console import Console
    from rich.table import Table

    view = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "tool", "found", "wanted", "how to get it"):
        view.add_column(heading, overflow="fold")
    for row in (row for row in table if "pinned" not in row):
        absent = "not usable" if row["path"] else "not installed"
        mark = "[green]ok[/]" if row["ok"] else ("[red]missing[/]" if row["needed"] else f"[dim]{absent}[/]")
        where = f"{row['found']} {row['path']}".strip() or "-"
        view.add_row(mark, str(row["tool"]), where, str(row["wanted"]), str(row["get"]))
    # A piped table is not cut at 80 columns, because its reader may search for a path.
    console = Console(file=stdout, highlight=False, width=None if stdout.isatty() else 200)
    console.print(view)
    chain = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "from outside", "state", "by"):
        chain.add_column(heading, overflow="fold")
    for row in (row for row in table if "pinned" in row):
        chain.add_row("[green]pinned[/]" if row["pinned"] else "not pinned", str(row["tool"]), str(row["found"]), str(row["wanted"]))
    console.print()
    console.print(chain)
    if missing:
        names = ", ".join(str(row["tool"]) for row in missing)
        how = "./turnup up installs them" if os.geteuid() == 0 else "run ./turnup up as root to install them"
        print(f"\nmissing: {names}; {how}", file=stdout)
    return 1 if missing else 0
