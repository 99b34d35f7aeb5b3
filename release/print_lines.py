"""Prints the lines that pin the release which was just built: `bazel run //:release`."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from release import archive, contents


def difference(built: Path, root: Path) -> str:
    """Returns the sentence about a file that only the archive or only the checkout has; empty if there is none."""
    with tarfile.open(built) as opened:
        packed = {name.partition("/")[2] for name in opened.getnames()}
    files = set(contents.released(root))
    if not packed ^ files:
        return ""
    path = min(packed ^ files)
    return f"{path} was {'removed' if path in packed else 'added'} after Bazel listed the files of the release. Run bazel shutdown, then bazel run //:release."


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="bazel run //:release --", description=__doc__)
    parser.add_argument("archive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help="where the archive will be. Default: --//release:url, or the file that was built")
    return parser


def main(argv: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> int:
    """Prints the lines.

    Args:
        argv: the arguments; empty: those of the process.
        environ: `bazel run` sets BUILD_WORKSPACE_DIRECTORY to the checkout.
    """
    arguments = build_parser().parse_args(argv or sys.argv[1:])
    built: Path = arguments.archive.resolve()
    root = environ.get("BUILD_WORKSPACE_DIRECTORY")
    problem = difference(built, Path(root)) if root else ""
    if problem:
        print(f"ERROR: {problem}", file=sys.stderr)
        return 1
    version = built.name.removeprefix("turnup-").removesuffix(".tar.gz")
    print(f"# {built}", archive.pin_lines(version, hashlib.sha256(built.read_bytes()).hexdigest(), arguments.url or built.as_uri()), sep="\n", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
