"""The program behind container_push: pushes images by a plan that was made at build time (see plan.py).

    push_tool --plan FILE --root FOLDER [--registry HOST:PORT] [--repository NAME] [--tag NAME]…
              [--insecure | --secure] [--jobs N] [--verify] [--credential-helper PROGRAM]

Paths in the plan are relative to the root. Progress goes to stderr, the reference of the pushed image to stdout; a closed stdout or
stderr does not abort the push. Modules that only some pushes need are imported where they are used: starting takes longer than
pushing an image that the registry has already.
"""

from __future__ import annotations

import os
import sys

from rules.image.tools.errors import ImageError, PushError, run
from rules.image.tools.push import plan_reader
from rules.image.tools.push.transfer import WORKERS, Job, Transfer
from rules.image.tools.registry.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

    from rules.image.tools.push.progress_bar import ProgressBar
    from rules.image.tools.registry.auth import Login


# What the launcher writes, without arguments of the user: reading it takes no argparse, which takes longer to load than a push.
_LAUNCHED = (("--plan", "--root"), ("--plan", "--root", "--credential-helper"))


class Options:
    """The settings of the command line; None where it leaves the plan's.

    Attributes:
        plan: the plan's file.
        credential_helper: the program that knows the login of a registry that docker's config does not have; None without one.
        root: the folder that paths in the plan are relative to.
        registry, repository: names.
        tag: list of names.
        insecure: True to speak plain HTTP, False for TLS.
        jobs: requests at once.
        verify: True to ask for every blob.
    """

    credential_helper: str | None = None
    insecure: bool | None = None
    registry: str | None = None
    repository: str | None = None
    tag: list[str] | None = None
    jobs = WORKERS
    verify = False

    def __init__(self, argv: Sequence[str]) -> None:
        if len(argv) in (4, 6) and (argv[0], argv[2], *argv[4:5]) in _LAUNCHED:
            self.plan, self.root, self.credential_helper = argv[1], argv[3], argv[5] if argv[5:] else None
        else:
            from rules.image.tools.push import options as push_options

            push_options.parse(argv, self)


def read_plan(options: Options) -> list[tuple[Registry, list[Job]]]:
    """Returns the plan's jobs with the client of their registry, after the names of the command line replaced the plan's.

    Raises:
        InputError: a file of an image is missing, its size differs from the size in the manifest, two images would have one name, or
            a name has a stamp variable.
        PushError: a registry's name is not HOST[:PORT].
    """
    groups: list[tuple[Registry, list[Job]]] = []
    for group in plan_reader.read_plan(options.plan, options.root):
        # The attribute is about its own registry: another one gets passwords over TLS unless --insecure is set too.
        insecure = options.insecure
        if insecure is None and group.plain and options.registry in (None, group.registry):
            insecure = True
        for job in group.jobs:
            job.repository = options.repository or job.repository
            if options.tag and not job.part:
                job.tags = tuple(options.tag)
            plan_reader.check_stamped((options.registry or group.registry, job.repository, *job.tags))
        groups.append((Registry(options.registry or group.registry, insecure=insecure, note=note, login=find_login(options.credential_helper)), group.jobs))
    plan_reader.check_names((client.name, job) for client, jobs in groups for job in jobs)
    return groups


def find_login(helper: str | None) -> Callable[[str], Login | None]:
    """Returns what finds the login of a registry: in docker's config, else from a credential helper.

    Args:
        helper: the helper's program; None without one.
    """

    def find(registry: str) -> Login | None:
        from rules.image.tools.registry import auth  # few pushes need a login

        own = auth.find_login(registry)
        if own or not helper:
            return own
        try:
            return auth.ask_program([helper], registry, registry, quote=True)
        except OSError as error:
            raise PushError(f"registry {registry}: the credential helper {helper} cannot be run ({error.strerror}); build the push target again") from None

    return find


class ProgressLines:
    """Shows the steps of a push without a terminal: a line per uploaded blob."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, state: str, repository: str, digest: str, _: int, size: int) -> None:
        """Shows one step; see push.Progress."""
        if state == "uploaded":
            self._stream.write(f"{repository}: sent {digest} ({size} bytes)\n")

    def stop(self) -> None:
        """Does nothing: each line is complete."""


class Stderr:
    """A stderr that never fails: a closed stderr must not abort a push."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes text; ignores errors."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            pass
        return len(text)

    def flush(self) -> None:
        """Does nothing: write() flushes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def note(text: str) -> None:
    """Prints a line about a wait to sys.stderr, from where a progress bar moves it above itself."""
    sys.stderr.write(f"{text}\n")


def progress_display(stream: TextIO) -> ProgressLines | ProgressBar:
    """Returns the display of a push: a bar on a terminal, lines elsewhere."""
    if not stream.isatty():
        return ProgressLines(stream)
    from rules.image.tools.push import progress_bar

    return progress_bar.ProgressBar(stream)


def main(argv: Sequence[str]) -> int:
    """Pushes as plan and arguments say."""
    options = Options(argv)
    groups = read_plan(options)
    shown = progress_display(sys.stderr)
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
            unprinted = error  # The registries that are left do not need stdout.
    if unprinted:
        raise unprinted
    return 0


def say(references: list[str]) -> None:
    """Prints the references of images; a closed pipe is not an error.

    Raises:
        ImageError: stdout can't be written to, for example because a disk is full.
    """
    try:
        sys.stdout.write("".join(f"{reference}\n" for reference in references))
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise ImageError(
            f"stdout: {error.strerror}; {', '.join(references)} was pushed but not printed; free space there and run this again, which sends nothing"
        ) from None


def start() -> None:
    """Runs main with this process's arguments and ends the process, without the interpreter's cleanup, which takes milliseconds."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_closed()
    sys.stderr = Stderr(sys.stderr)
    try:
        code = run(main, sys.argv[1:])
    except SystemExit as end:  # raised by argparse
        code = int(end.code or 0)
    try:
        sys.stdout.flush()  # of --help
    except BrokenPipeError:
        pass
    except OSError:
        code = code or 1
    os._exit(code)


def _fill_closed() -> None:
    """Opens /dev/null for each closed standard stream, before a connection gets its file descriptor."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    # New file objects: Python sets a stream that was closed at the start to None.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (it stays open until the process ends)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
