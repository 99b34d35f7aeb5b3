"""The program behind container_push: pushes one image by a plan that was written at build time.

    push_tool --plan FILE [--registry HOST:PORT] [--repository NAME] [--tag NAME]… [--insecure] [--jobs N]

Paths in the plan are relative to $RUNFILES_DIR. Progress goes to stderr, the reference of what was pushed to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Callable, Sequence, TextIO

from rules.image.tools import push
from rules.image.tools.errors import InputError, run


def meter(stream: TextIO) -> Callable[[push.Progress], None]:
    """Return a progress callback: one growing line on a terminal, a line per uploaded blob elsewhere."""
    live = stream.isatty()
    moving: dict[str, tuple[int, int]] = {}

    def show(step: push.Progress) -> None:
        if step.state in ("uploading", "uploaded"):
            moving[step.digest] = (step.sent, step.size)
        if live:
            sent, size = (sum(pair[i] for pair in moving.values()) for i in (0, 1))
            stream.write(f"\r{step.repository}: {sent / 1e6:.1f} of {size / 1e6:.1f} MB\x1b[K")
            if step.state == "pushed":
                stream.write("\n")
            stream.flush()
        elif step.state == "uploaded":
            print(f"{step.repository}: sent {step.digest} ({step.size} bytes)", file=stream)

    return show


def _first_line(path: str, what: str) -> str:
    """Return the first line of a file, stripped; InputError if it is empty."""
    text = Path(path).read_text("utf-8").strip().partition("\n")[0].strip()
    if not text:
        raise InputError(f"{what}: {path} is empty; write the {what.removesuffix('_file')} into its first line")
    return text


def main(argv: Sequence[str]) -> int:
    """Push as plan and arguments say."""
    parser = argparse.ArgumentParser(prog="push", allow_abbrev=False)
    parser.add_argument("--plan", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--registry", help="HOST or HOST:PORT instead of the attribute's")
    parser.add_argument("--repository", help="repository instead of the attribute's")
    parser.add_argument("--tag", action="append", help="tag instead of the attribute's; may be repeated")
    parser.add_argument("--insecure", action="store_true", default=None, help="speak plain HTTP")
    parser.add_argument("--jobs", type=int, default=8, help="requests at once (default 8)")
    options = parser.parse_args(argv)
    plan = json.loads(Path(options.plan).read_text("utf-8"))
    root = Path(os.environ.get("RUNFILES_DIR", "."))
    repository = options.repository or plan["repository"] or _first_line(str(root / plan["repository_file"]), "repository_file")
    tags = options.tag or ([plan["tag"]] if plan["tag"] else [])
    if plan["tag_file"] and not options.tag:
        tags = [_first_line(str(root / plan["tag_file"]), "tag_file")]
    image = push.Image(
        manifest=root / plan["manifest"],
        config=root / plan["config"],
        layers=[(root / blob, root / descriptor) for blob, descriptor in plan["layers"]],
        repository=repository,
        tags=tuple(tags),
    )
    registry = options.registry or plan["registry"]
    insecure = plan["insecure"] if options.insecure is None else options.insecure
    (pushed,) = push.push_all([image], registry, progress=meter(sys.stderr), jobs=options.jobs, insecure=insecure)
    print(pushed.reference)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
