"""The program behind container_push: pushes images by a plan that was made at build time (see push_plan.py).

    push_tool --plan FILE --root FOLDER [--registry HOST:PORT] [--repository NAME] [--tag NAME]… [--insecure] [--jobs N]
              [--verify]

Paths in the plan are relative to the root. Progress goes to stderr, the reference of what was pushed to stdout. Modules
that only some pushes need are loaded by those: starting takes longer than pushing what the registry has already.
"""

from __future__ import annotations

import os
import sys

from rules.image.tools.errors import InputError, run
from rules.image.tools.registry import Registry
from rules.image.tools.transfer import Job, Transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence, TextIO

_WORKERS = 8


class Options:
    """What the command line says instead of the plan; None where it says nothing.

    Attributes:
        plan: the plan's file.
        root: the folder that paths in the plan are relative to.
        registry, repository: names.
        tag: list of names.
        insecure: True to speak plain HTTP.
        jobs: requests at once.
        verify: True to ask for every blob.
    """

    insecure = registry = repository = tag = None
    jobs = _WORKERS
    verify = False

    def __init__(self, argv: Sequence[str]) -> None:
        if len(argv) == 4 and (argv[0], argv[2]) == ("--plan", "--root"):
            self.plan, self.root = argv[1], argv[3]
        else:
            from rules.image.tools import push_options  # pylint: disable=import-outside-toplevel

            push_options.parse(argv, self)


def read_plan(options: Options) -> list[tuple[Registry, list[Job]]]:
    """Return the plan's jobs by registry, with the command line's names where it gives any.

    Raises:
        InputError: a file of an image is missing or not as long as its manifest says, or two images would have one name.
    """
    groups: list[tuple[Registry, list[Job]]] = []
    root = options.root
    with open(options.plan, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    for kind, *words in lines:
        if kind == "registry":
            # The attribute speaks of its own registry: another one gets passwords over TLS unless --insecure is said too.
            insecure = options.insecure or (words[1] == "plain" and options.registry in (None, words[0])) or None
            groups.append((Registry(options.registry or words[0], insecure=insecure), []))
        elif kind in ("image", "part"):
            repository, digest, media_type, _, path = words
            manifest = _content(f"{root}/{path}")
            tags = tuple(options.tag or ()) if kind == "image" else ()
            groups[-1][1].append(Job(options.repository or repository, tags, manifest, media_type, digest, {}, part=kind == "part"))
        elif kind == "tag" and not options.tag:
            groups[-1][1][-1].tags += (words[0],)
        elif kind == "blob":
            path, size = f"{root}/{words[2]}", int(words[1])
            _check_size(path, size)
            groups[-1][1][-1].blobs[words[0]] = (size, path)
    _check_names(groups)
    return groups


def _check_names(groups: list[tuple[Registry, list[Job]]]) -> None:
    """Raise InputError where two images would be pushed under one name, which the last one to arrive would have."""
    named: dict[str, str] = {}
    for client, jobs in groups:
        for job in jobs:
            for tag in job.tags:
                name = f"{client.name}/{job.repository}:{tag}"
                if named.setdefault(name, job.digest) != job.digest:
                    raise InputError(f"{name}: would be the name of two images, {named[name]} and {job.digest}; leave --repository or --tag out, or push them one by one")


def _content(path: str) -> bytes:
    """Return a file's bytes."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; build the image again") from None


def _check_size(path: str, size: int) -> None:
    """Raise InputError unless a file is there and has that many bytes."""
    try:
        found = os.stat(path).st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; build the image again") from None
    if found != size:
        raise InputError(f"{path}: has {found} bytes, its manifest says {size}; build the image again")


class Lines:
    """Shows the steps of a push where there is no terminal: a line per uploaded blob."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, state: str, repository: str, digest: str, _: int, size: int) -> None:
        """Show one step; see push.Progress."""
        if state == "uploaded":
            self._stream.write(f"{repository}: sent {digest} ({size} bytes)\n")

    def stop(self) -> None:
        """End what is shown."""


def meter(stream: TextIO) -> Lines:
    """Return what shows the steps of a push: a bar on a terminal, lines elsewhere."""
    if not stream.isatty():
        return Lines(stream)
    from rules.image.tools import bar  # pylint: disable=import-outside-toplevel

    return bar.Bar(stream)


def main(argv: Sequence[str]) -> int:
    """Push as plan and arguments say."""
    options = Options(argv)
    groups = read_plan(options)
    shown = meter(sys.stderr)
    for client, jobs in groups:
        try:
            Transfer(client, shown.show, options.jobs, options.verify).run(jobs)
        finally:
            shown.stop()
            client.close()
        for job in jobs:
            if not job.part:
                sys.stdout.write(f"{client.name}/{job.repository}@{job.digest}\n")
    return 0


def start() -> None:
    """Run main with this process's arguments and end the process, without the time that tidying up takes."""
    code = run(main, sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
