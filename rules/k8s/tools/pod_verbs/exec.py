"""`.exec`: runs a command in a pod of a service, or in a debug container beside it if its image has no shell.

stdin, stdout and stderr are the command's: this verb prints what it does on stderr only, and logs nothing of what the command prints.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError, UsageError, interrupted_code
from rules.k8s.tools.images.debug_image import push_debug_image
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.images.registry_login import ClusterLogin
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.pod_exec.debug_container import start_debug_container
from rules.k8s.tools.pod_exec.session import Command, NotFoundInImageError, Streams, run_command
from rules.k8s.tools.pod_verbs.pod_choice import Wish, check_running, choose_container, choose_pod

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_SHELL = ("sh",)


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Runs the command; returns its exit code.

    Raises:
        UsageError: the command line does not say what to run where.
        TurnupError: the command could not be run, or its connection broke.
    """
    options = run.options
    command = command_of(run, os.isatty(Streams.stdin))
    wish = Wish(options.service, options.pod, options.container, unready=options.debug)
    informer = Informer(client, {(POD, item.identity.namespace): () for item in items if item.identity.namespace})
    informer.snapshot(executor)
    pod = choose_pod(run.plan, items, informer.all("Pod"), wish)
    container = choose_container(pod, wish)
    try:
        if options.debug:
            image = options.image or _own_image(run, client)
            pod, container = start_debug_container(client, pod, container, image, own=not options.image, say=run.report.note)
        check_running(pod, container)
        return _run(run, client, pod, container, command)
    except NotFoundInImageError as error:
        hint = "check its name" if options.debug else "add --debug to run it in a debug container beside it, which has a shell"
        raise NotFoundInImageError(f"{error}; {hint}.") from None


def _run(run: Run, client: Client, pod: Object, container: str, command: Command) -> int:
    try:
        return run_command(client, pod, container, command, Streams(), run.report.note)
    except KeyboardInterrupt as interrupt:
        meta = pod["metadata"]
        run.report.note(f"interrupted; the command may still be running in pod {meta['namespace']}/{meta['name']}")
        return interrupted_code(interrupt)


def command_of(run: Run, terminal: bool) -> Command:
    """Returns the command that the command line asks for.

    Args:
        run: the run.
        terminal: stdin is a terminal.

    Raises:
        UsageError: it asks for a terminal, but there is none, or options contradict each other.
    """
    options = run.options
    if options.image and not options.debug:
        raise UsageError("--image is the image of the debug container; add --debug.")
    if options.tty and not terminal:
        raise UsageError("-t needs a terminal, but stdin is not one; leave -t out.")
    words = tuple(options.command)
    if words and not words[0]:
        raise UsageError("the command is empty; write the program's name after the options.")
    # A shell without stdin would end at once.
    return Command(words or _SHELL, stdin=options.stdin or options.tty or not words, tty=options.tty or (not words and terminal))


def _own_image(run: Run, client: Client) -> str:
    """Pushes the debug image that the target comes with, if the registry lacks it; returns its reference.

    Raises:
        TurnupError: the registry does not take it.
    """
    if run.plan.debug_image is None:
        raise UsageError("this target comes without a debug image; name one with --image=REF.")
    try:
        login = ClusterLogin(lambda: client, run.report.learn)
        return push_debug_image(run.plan.debug_image, PushReport(run.report.note, run.report.stream), login=login)
    except TurnupError as error:
        raise TurnupError(f"the debug image cannot be pushed: {str(error).rstrip('.')}; or name an image that the nodes can pull with --image=REF.") from None
