"""Benchmarks of Turnup and its peers: `bazel run //tests/bench -- [--json FILE] [--plot SVG] [--rounds N] [NAME…]`."""

import os
import subprocess
import sys
from pathlib import Path

import click
from rich.console import Console

from tests.bench import apply_rows, bazel_rows, cluster_rows, deep_rows, harness, image_rows, java_image_rows, java_rows, jsonnet_rows, plot
from tests.bench.workspace import BenchError, Workspace


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the rows to this file.")
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False, path_type=Path), help="Also draw the rows to this SVG file.")
@click.option(
    "--read",
    "read_files",
    type=click.Path(exists=False, dir_okay=False, path_type=Path),
    multiple=True,
    help="Measure only the named rows, and read other rows from this file of an earlier --json. Can be repeated.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Number of runs of each side; the default depends on the row.")
@click.option("--list", "list_only", is_flag=True, help="Print the names of the rows and exit.")
@click.argument("names", nargs=-1)
def main(
    json_file: Path | None,
    plot_file: Path | None,
    read_files: tuple[Path, ...],
    rounds: int | None,
    list_only: bool,
    names: tuple[str, ...],
) -> None:
    """Measures the named rows, or all of them, and prints a table.

    A name can also be a group: `deep` means `deep.first_rpc`, `deep.noop` and `deep.edit_to_ready`.
    """
    directory = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not directory:
        raise click.UsageError("BUILD_WORKSPACE_DIRECTORY is not set; run this program with `bazel run //tests/bench`")
    # Paths are relative to the user's folder, although `bazel run` starts this program in another one.
    working_folder = Path(os.environ.get("BUILD_WORKING_DIRECTORY", directory))
    groups = (cluster_rows, deep_rows, apply_rows, bazel_rows, image_rows, java_image_rows, java_rows, jsonnet_rows)
    available = {name: make for group in groups for name, make in group.ROWS.items()}
    if list_only:
        click.echo("\n".join(available))
        return
    chosen = [row for row in available if not (names or read_files) or any(row == n or row.startswith(n + ".") for n in names)]
    if any(not any(row == n or row.startswith(n + ".") for row in available) for n in names):
        raise click.UsageError(f"{' '.join(names)}: unknown benchmark; use one of {', '.join(available)}")
    console = Console(stderr=True)
    try:
        rows = [row for file in read_files for row in harness.read_json(working_folder / file)]
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    try:
        with Workspace(Path(directory)) as workspace:
            for name in chosen:
                benchmark = available[name](workspace, rounds)
                # A row that is measured again replaces the row from the file.
                rows = [row for row in rows if row.name != name] + [harness.run(benchmark, console.print)]
    except (BenchError, subprocess.SubprocessError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        # Rows that were measured before a failure are still results.
        if rows:
            Console().print(harness.table(rows))
            if json_file:
                harness.write_json(rows, working_folder / json_file)
            if plot_file:
                harness.write_whole(working_folder / plot_file, plot.svg(rows))


if __name__ == "__main__":
    sys.exit(main())
