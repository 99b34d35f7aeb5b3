"""`turnup init`: a new repository with Turnup, or Turnup in one that exists."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cli.common import tools, workspace
from cli.common.session import Session
from cli.init import files, pin


def _is_bazel_4(session: Session) -> bool:
    """Returns whether the machine's Bazel is older than 6, which needs flags that Bazel 7 refuses; also if there is none yet."""
    version = tools.find(tools.BAZEL, session.runner, session.environ).version
    major = version.partition(".")[0] if version else ""
    return not major.isdigit() or int(major) < 6


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--turnup", "folder", metavar="FOLDER", type=click.Path(path_type=Path), help="Pin the Turnup in this folder.  [default: this one]")
@click.option("--release", metavar="URL", help="Pin a release: the URL or file of turnup-VERSION.tar.gz.")
@click.pass_obj
def init_command(session: Session, directory: Path, folder: Path | None, release: str | None) -> int:
    """Write a new repository with one service into DIR, or add Turnup to the repository that is there."""
    if folder and release:
        raise click.UsageError("--turnup and --release exclude each other; name the folder or the release")
    version = workspace.VERSION
    pinned = pin.of_release(release, version) if release else pin.of_folder(folder) if folder else pin.default(version)
    plan = files.plan(directory, pinned, bazel_4=_is_bazel_4(session))
    files.write(plan)
    for name in sorted(plan.new):
        print(f"new      {directory / name}", file=session.stdout)
    for name in sorted(plan.longer):
        print(f"longer   {directory / name}", file=session.stdout)
    for name, advice in sorted(plan.left.items()):
        print(f"as it was  {directory / name}" + (f": {advice}" if advice else ""), file=session.stdout)
    where = "" if directory.resolve() == Path.cwd() else f"cd {shlex.quote(str(directory))} && "
    print(f"next: {where}./turnup up", file=session.stdout, flush=True)
    return 0
