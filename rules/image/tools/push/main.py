"""The program behind container_push: pushes images by a plan that was made at build time (see push_plan.py).

    push_tool --plan FILE --root FOLDER [--registry HOST:PORT] [--repository NAME] [--tag NAME]…
              [--insecure | --secure] [--jobs N] [--verify]

Paths in the plan are relative to the root. Progress goes to stderr, the reference of what was pushed to stdout; who does
not listen to them any more does not end the push. Modules
that only some pushes need are loaded by those: starting takes longer than pushing what the registry has already.
"""

from __future__ import annotations

import os
import sys

from rules.image.tools.errors import ImageError, InputError, run
from rules.image.tools.push.transfer import Job, Transfer
from rules.image.tools.registry.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence, TextIO

    Stream = TextIO | "Stderr"

_WORKERS = 8


class Options:
    """What the command line says instead of the plan; None where it says nothing.

    Attributes:
        plan: the plan's file.
        root: the folder that paths in the plan are relative to.
        registry, repository: names.
        tag: list of names.
        insecure: True to speak plain HTTP, False for TLS.
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
            from rules.image.tools.push import options as push_options

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
            insecure = options.insecure
            if insecure is None and words[1] == "plain" and options.registry in (None, words[0]):
                insecure = True
            groups.append((Registry(options.registry or words[0], insecure=insecure, note=note), []))
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

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def show(self, state: str, repository: str, digest: str, _: int, size: int) -> None:
        """Show one step; see push.Progress."""
        if state == "uploaded":
            self._stream.write(f"{repository}: sent {digest} ({size} bytes)\n")

    def stop(self) -> None:
        """End what is shown."""


class Stderr:
    """The stderr that it is made of, but writing to it never fails: nobody's listening is no reason to end a push."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or leave it."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass
        return len(text)

    def flush(self) -> None:
        """Do nothing: what is written is flushed."""

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


def note(text: str) -> None:
    """Show a line about what is waited for; a progress bar takes it from sys.stderr and puts it above itself."""
    sys.stderr.write(f"{text}\n")


def meter(stream: Stream) -> Lines:
    """Return what shows the steps of a push: a bar on a terminal, lines elsewhere."""
    if not stream.isatty():
        return Lines(stream)
    from rules.image.tools.push import bar

    return bar.Bar(stream)


def main(argv: Sequence[str]) -> int:
    """Push as plan and arguments say."""
    options = Options(argv)
    groups = read_plan(options)
    shown = meter(sys.stderr)
    unprinted: ImageError | None = None
    for client, jobs in groups:
        try:
            Transfer(client, shown.show, options.jobs, options.verify).run(jobs)
        finally:
            shown.stop()
            client.close()
        try:
            say([f"{client.name}/{job.repository}@{job.digest}" for job in jobs if not job.part])
        except ImageError as error:
            unprinted = error  # what is left to push does not need stdout
    if unprinted:
        raise unprinted
    return 0


def say(references: list[str]) -> None:
    """Print where images are, unless nobody reads that any more.

    Raises:
        ImageError: they cannot be written where stdout leads.
    """
    try:
        sys.stdout.write("".join(f"{reference}\n" for reference in references))
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise ImageError(f"stdout: {error.strerror}; {', '.join(references)} was pushed but not printed; make room there and run this again, which sends nothing") from None


def start() -> None:
    """Run main with this process's arguments and end the process, without the time that tidying up takes."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_closed()
    sys.stderr = Stderr(sys.stderr)
    try:
        code = run(main, sys.argv[1:])
    except SystemExit as end:  # argparse's
        code = int(end.code or 0)
    try:
        sys.stdout.flush()  # of --help
    except BrokenPipeError:
        pass
    except OSError:
        code = code or 1
    os._exit(code)


def _fill_closed() -> None:
    """Put /dev/null in place of each standard stream that is closed, before a connection gets its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    # Not their old numbers: what is closed at the start is None, and a file object of it would close it.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # pylint: disable=consider-using-with
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # pylint: disable=consider-using-with
