"""Delivers images to the cluster's registry and nodes before the objects that run them are applied."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rules.image.tools.registry.names import is_private
from rules.k8s.tools.cleanup import child, private_folder
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, write_frozen
from rules.k8s.tools.objects.image_references import image_uses, parse_digest_reference
from rules.k8s.tools.objects.plan import Plan, PushPlan

if TYPE_CHECKING:
    from rules.image.tools.push.transfer import Job
    from rules.image.tools.registry.auth import Login

# push(jobs, registry, plain, report) → number of images that needed a transfer.
Push = Callable[[list["Job"], str, bool, PushReport | None], int]
# login(registry) → the login that pushes need; None without one. Called when the registry asks for it.
FindLogin = Callable[[str], "Login | None"]
# exists(registry, repository, digest, plain) → whether the registry has the manifest.
Exists = Callable[[str, str, str, bool], bool]

# From setup to the first answer of the registry's pod.
_REGISTRY_SECONDS = 20.0
# One question to it, and the pause before the next one.
_ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.2
# For one archive.
_LOADER_SECONDS = 300.0

# The likely reason on a new cluster.
_SETUP_HINT = " (the registry in the cluster comes with 'bazel run //prod:setup.apply')"


def check_pins(plan: Plan) -> None:
    """Checks that every image of an environment with pins has one.

    Raises:
        TurnupError: images have no pin; the error names each of them and the command that pins them.
    """
    missing = [f"{entry.label} has no pin for image {name!r}" for entry in plan.entries for name in entry.document["missing_pins"]]
    if missing:
        environment = next(entry.environment for entry in plan.entries if entry.document["missing_pins"])
        raise TurnupError(
            f"{'; '.join(missing)}. Nothing was sent. Write the pins with 'bazel run {package_of(plan.label)}:pin -- {environment}', "
            "or with --from=ENV as well to copy those of another environment."
        )


def package_of(label: str) -> str:
    """Returns the package of a label: `//svc` of `//svc:myns-deep`."""
    return label.partition(":")[0]


def wait_for_registry(plan: Plan, say: Callable[[str], None], timeout: float = _REGISTRY_SECONDS) -> None:
    """Waits until the registry in the cluster answers, which takes a few seconds after setup was applied.

    Returns at once if the plan needs no image of it, or if it answers. Otherwise it polls; the retries of a single request
    (RetryPolicy) would give up too early.

    Raises:
        TurnupError: it has not answered for `timeout` seconds.
    """
    built = {(parse_digest_reference(reference) or ("",))[0] for entry in plan.entries for reference in entry.document["references"].values()}
    if (plan.registry not in built and not _named_by_digest(plan)) or not is_private(plan.registry):
        return
    deadline = time.monotonic() + timeout
    told = False
    while not _answers(plan.registry):
        if time.monotonic() > deadline:
            raise TurnupError(f"the registry {plan.registry} has not answered for {timeout:.0f} s; check that it runs{_SETUP_HINT}.")
        if not told:
            say(f"waiting for the registry {plan.registry}")
            told = True
        time.sleep(_POLL_SECONDS)


def _answers(registry: str) -> bool:
    from rules.image.tools.registry.http1 import Connection, request_head
    from rules.image.tools.registry.names import split_name

    host, port = split_name(registry)
    connection = Connection(host, port or 80, plain=True, timeout=_ANSWER_SECONDS)
    try:
        connection.request(request_head("GET", "/v2/", registry, {}))
        return True
    except OSError:
        return False
    finally:
        connection.close()


def push_built(plans: Iterable[PushPlan], push: Push | None = None, report: PushReport | None = None, login: FindLogin | None = None) -> tuple[int, int]:
    """Pushes the images of push plans where their registry lacks them.

    Args:
        plans: the plans; an image that several of them send to one repository is pushed once.
        push: the transport; push_jobs when None.
        report: gets every step; None to print nothing.
        login: finds the login for a registry; that of docker's config when None.

    Returns:
        (images in the plans, images that needed a transfer).

    Raises:
        TurnupError: a registry does not answer or refuses the push.
    """
    jobs: dict[tuple[str, bool], dict[tuple[str, str], Job]] = {}
    for plan in plans:
        from rules.image.tools.push.plan_reader import read_plan

        for group in read_plan(plan.path, plan.root):
            for job in group.jobs:
                jobs.setdefault((group.registry, group.plain), {})[job.repository, job.digest] = job
    send = push or partial(push_jobs, login=login)
    sent = sum(send(list(named.values()), registry, plain, report) for (registry, plain), named in jobs.items())
    return sum(map(len, jobs.values())), sent


def push_jobs(jobs: list[Job], registry: str, plain: bool, report: PushReport | None = None, login: FindLogin | None = None) -> int:
    """Pushes jobs to one registry as container_push does; returns how many of them the registry lacked. See push_built for login.

    Raises:
        TurnupError: the registry does not answer or refuses the push.
    """
    from rules.image.tools.push.transfer import Transfer
    from rules.image.tools.registry.registry import Registry

    try:
        client = Registry(registry, insecure=plain or None, note=report.say if report else lambda _: None, login=login)
        try:
            Transfer(client, report.step if report else None).run(jobs)
        finally:
            client.close()
    except TurnupError as error:
        raise TurnupError(f"{error}{_SETUP_HINT}") from None
    return sum(not job.existed for job in jobs)


def check_pinned_images(plan: Plan, executor: Executor, exists: Exists | None = None, *, advice: str = "") -> None:
    """Checks that the workspace's registry has every image of the plan that this run does not push: pinned, or named by digest.

    Args:
        plan: with resolved documents.
        executor: runs the questions in parallel.
        exists: asks a registry; rules/image's exists when None.
        advice: what to do about a missing image; "" to pin a new one.

    Raises:
        TurnupError: an image is missing.
    """
    built = {(item.label, key) for item in plan.push_plans for key in item.keys}
    pinned: dict[str, tuple[str, tuple[str, str, str]]] = {}
    for entry in plan.entries:
        for key, reference in entry.document["references"].items():
            parts = parse_digest_reference(reference)
            if (entry.label, key) not in built and parts and parts[0] == plan.registry:
                pinned.setdefault(reference, (entry.label, parts))
    ask = exists or _exists

    def is_there(parts: tuple[str, str, str]) -> bool:
        registry, repository, digest = parts
        return ask(registry, repository, digest, is_private(registry))

    provided = {parse_digest_reference(reference) for entry in plan.entries for reference in entry.document["references"].values()}
    named = {reference: found for reference, found in _named_by_digest(plan).items() if found[1] not in provided}
    wanted = {**pinned, **named}
    answers = executor.map(is_there, [parts for _, parts in wanted.values()])
    for (reference, (label, _)), found in zip(wanted.items(), answers, strict=False):
        if not found and reference in named:
            todo = advice or "push it, or correct the digest"
            raise TurnupError(f"{label}: the registry does not have the image {reference}, which the manifest names by digest; {todo}.")
        if not found:
            environment = next(entry.environment for entry in plan.entries if entry.label == label) or "ENV"
            todo = advice or f"push and pin a new one with 'bazel run {package_of(plan.label)}:pin -- {environment}'"
            raise TurnupError(f"{label}: the registry does not have the pinned image {reference}; {todo}.")


def _named_by_digest(plan: Plan) -> dict[str, tuple[str, tuple[str, str, str]]]:
    """Returns the images of the workspace's registry that manifests name by digest, except preloads: reference → (target, its parts)."""
    loaded = {preload.reference for preload in plan.preloads}
    named: dict[str, tuple[str, tuple[str, str, str]]] = {}
    for entry in plan.entries:
        for obj in entry.objects:
            for use in image_uses(obj):
                parts = parse_digest_reference(use.reference)
                if parts and parts[0] == plan.registry and use.reference not in loaded:
                    named.setdefault(use.reference, (entry.label, parts))
    return named


def _exists(registry: str, repository: str, digest: str, insecure: bool) -> bool:
    from rules.image.tools.push.push import exists

    try:
        return exists(registry, repository, digest, insecure=insecure)
    except TurnupError as error:
        raise TurnupError(f"{error}{_SETUP_HINT}") from None


def preload(plan: Plan, connection: Connection, environ: Mapping[str, str]) -> int:
    """Runs the loader of each preload with the frozen kubeconfig.

    Args:
        plan: with its preloads.
        connection: the context to load into.
        environ: the loaders' environment.

    Returns:
        The number of archives that were loaded.

    Raises:
        TurnupError: a loader failed; its last line of output is part of the error.
    """
    if not plan.preloads:
        return 0
    with private_folder() as folder:
        kubeconfig = write_frozen(connection, folder)
        for item in plan.preloads:
            _load(item.loader, connection.context, item.reference, item.archive, {**environ, "KUBECONFIG": str(kubeconfig)}, item.label)
    return len(plan.preloads)


def _load(loader: Path, context: str, reference: str, archive: Path, environ: Mapping[str, str], label: str) -> None:
    import subprocess  # Few runs load anything onto the nodes.

    command = [str(loader), "--context", context, "--name", reference, str(archive)]
    try:
        with child(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            output = process.communicate(timeout=_LOADER_SECONDS)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        raise TurnupError(f"{label}: loading {reference} onto the nodes took more than 5 minutes. Look at the nodes with './turnup cluster list'.") from None
    except OSError as error:
        raise TurnupError(f"{label}: the loader {os.fspath(loader)} cannot be started ({error.strerror}). Check the attribute loader.") from None
    if process.returncode != 0:
        last = (output.strip().splitlines() or ["no message"])[-1].removeprefix("ERROR: ")
        raise TurnupError(f"{label}: loading {reference} onto the nodes failed: {last}")
