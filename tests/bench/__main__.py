"""`bazel run //tests/bench -- [--json FILE] [--rounds N] [NAME…]`: measures Turnup beside its peers."""

import os
import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console

from tests.bench import cluster_rows, deep_rows, harness
from tests.bench.workspace import BenchError, Workspace


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the rows to this file.")
@click.option("--rounds", type=click.IntRange(min=1), help="Runs of each side; default: the row's own number.")
@click.option("--list", "list_only", is_flag=True, help="Only print the names.")
@click.argument("names", nargs=-1)
def main(json_file: Path | None, rounds: int | None, list_only: bool, names: tuple[str, ...]) -> None:
    """Measures the rows named (all of them by default) and prints a table.

    A name may also be a group: `deep` stands for `deep.first_rpc`, `deep.noop` and `deep.edit_to_ready`.
    """
    directory = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not directory:
        raise click.UsageError("start this with `bazel run //tests/bench`")
    available = {**cluster_rows.ROWS, **deep_rows.ROWS}
    if list_only:
        click.echo("\n".join(available))
        return
    chosen = [row for row in available if not names or any(row == n or row.startswith(n + ".") for n in names)]
    if not chosen or any(not any(row == n or row.startswith(n + ".") for row in available) for n in names):
        raise click.UsageError(f"no such benchmark among {' '.join(names)}; there are: {', '.join(available)}")
    console = Console(stderr=True)
    rows = []
    try:
        with Workspace(Path(directory)) as workspace:
            for name in chosen:
                benchmark = available[name](workspace, rounds)
                rows.append(harness.run(benchmark, console.print))
    except (BenchError, subprocess.SubprocessError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        # What was measured before a failure is still a result.
        if rows:
            Console().print(harness.table(rows))
            if json_file:
                harness.write_json(rows, Path(os.environ.get("BUILD_WORKING_DIRECTORY", directory)) / json_file)


if __name__ == "__main__":
    sys.exit(main())
