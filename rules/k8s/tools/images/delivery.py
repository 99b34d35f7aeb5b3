"""Delivers images to the registry and the nodes, before anything that runs them is applied."""

from __future__ import annotations

import http.client
import ipaddress
import os
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import Callable, Mapping

from rules.k8s.tools.cleanup import child, private_folder
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, write_frozen
from rules.k8s.tools.objects.image_references import container_images, parse_digest_reference
from rules.k8s.tools.objects.plan import Plan

# push(images: [rules.image.tools.push.push.Image], registry, insecure, report) → number of images that the registry lacked.
Push = Callable[[list, str, bool, PushReport | None], int]
Exists = Callable[[str, str, str, bool], bool]

# The time from setup to the first answer of the registry's pod.
_REGISTRY_SECONDS = 20.0
# The deadline of a loader for one archive.
_LOADER_SECONDS = 300.0

# The likely reason on a new cluster.
_SETUP_HINT = " (the registry in the cluster comes with 'bazel run //prod:setup.apply')"


def check_pins(plan: Plan) -> None:
    """Checks that every image of an environment with pins has one.

    Raises:
        TurnupError: images have no pin; the error names each of them and the command that pins them.
    """
    missing = [f"{entry.label} has no pin for image {name!r}" for entry in plan.entries
               for name in entry.document["missing_pins"]]
    if missing:
        environment = next(entry.environment for entry in plan.entries if entry.document["missing_pins"])
        source = "dev" if environment == "dev" else f"{environment} --from=dev"
        raise TurnupError(f"{'; '.join(missing)}. Nothing was sent. Write the pins with 'bazel run {package_of(plan.label)}:pin -- {source}'.")


def package_of(label: str) -> str:
    """Returns the package of a label: `//svc` of `//svc:myns-deep`."""
    return label.partition(":")[0]


def plain_http(registry: str) -> bool:
    """Returns whether a registry is used without TLS, which means a private or loopback address, as in registries.yaml."""
    host = registry.rpartition(":")[0] if ":" in registry else registry
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return address.is_private or address.is_loopback


def wait_for_registry(plan: Plan, say: Callable[[str], None], seconds: float = _REGISTRY_SECONDS) -> None:
    """Waits until the registry in the cluster answers, which takes a few seconds after setup was applied.

    Returns at once if the plan needs no image from it.

    Args:
        plan: with resolved documents.
        say: gets one line if the registry does not answer at once.
        seconds: the deadline.

    Raises:
        TurnupError: the registry has not answered by the deadline.
    """
    built = {(parse_digest_reference(reference) or ("",))[0] for entry in plan.entries
             for reference in entry.document["references"].values()}
    if (plan.registry not in built and not _named_by_digest(plan)) or not plain_http(plan.registry):
        return
    deadline = time.monotonic() + seconds
    told = False
    while not _answers(plan.registry):
        if time.monotonic() > deadline:
            raise TurnupError(f"the registry {plan.registry} has not answered for {seconds:.0f} s. Check that it runs{_SETUP_HINT}.")
        if not told:
            say(f"waiting for the registry {plan.registry}")
            told = True
        time.sleep(0.2)


def _answers(registry: str) -> bool:
    connection = http.client.HTTPConnection(registry, timeout=2)
    try:
        connection.request("GET", "/v2/")
        connection.getresponse()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def push_built(plan: Plan, push: Push | None = None, report: PushReport | None = None) -> tuple[int, int]:
    """Pushes the images of a plan that their registry lacks.

    Args:
        plan: with `images` and resolved documents.
        push: the transport; that of rules/image when None.
        report: gets every step; None for no output.

    Returns:
        (images in the closure, images that their registry lacked).

    Raises:
        TurnupError: a registry does not answer or refuses the push.
    """
    if not plan.images:
        return 0, 0
    from rules.image.tools.push.push import Image

    send = push or push_images
    references = {(entry.label, key): reference for entry in plan.entries
                  for key, reference in entry.document["references"].items()}
    wanted: dict[str, dict[str, Image]] = {}
    for files in plan.images:
        reference = references.get((files.label, files.key))
        if reference is None:
            continue  # No manifest of that target uses the image.
        registry, repository, _ = parse_digest_reference(reference) or ("", "", "")
        image = Image(files.manifest, files.config, list(files.layers), repository)
        wanted.setdefault(registry or plan.registry, {})[reference] = image
    sent = sum(send(list(images.values()), registry, plain_http(registry), report) for registry, images in wanted.items())
    return sum(map(len, wanted.values())), sent


def push_images(images: list, registry: str, insecure: bool, report: PushReport | None = None) -> int:
    """Pushes images with rules/image; returns how many of them the registry lacked.

    Args:
        images: the images.
        registry: host:port.
        insecure: whether to use plain HTTP.
        report: gets every step; None for no output.

    Raises:
        TurnupError: the registry does not answer or refuses the push.
    """
    from rules.image.tools.push.push import Progress, push_all

    def progress(step: Progress) -> None:
        if report:
            report.step(step.state, step.repository, step.digest, step.sent)

    try:
        pushed = push_all(images, registry, insecure=insecure, progress=progress, note=report.say if report else lambda _: None)
        return sum(not each.unchanged for each in pushed)
    except TurnupError as error:
        raise TurnupError(f"{error}{_SETUP_HINT}") from None


def check_pinned_images(plan: Plan, executor: Executor, exists: Exists | None = None, *, cure: str = "") -> None:
    """Checks that the workspace's registry has every image that the plan runs and this run does not push.

    These are pinned images and images that a manifest names by digest.

    Args:
        plan: with resolved documents.
        executor: runs the requests in parallel.
        exists: asks a registry for an image; that of rules/image when None.
        cure: what to do if an image is missing; "" for pinning a new one.

    Raises:
        TurnupError: an image is missing.
    """
    built = {(files.label, files.key) for files in plan.images}
    pinned: dict[str, tuple[str, tuple[str, str, str]]] = {}
    for entry in plan.entries:
        for key, reference in entry.document["references"].items():
            parts = parse_digest_reference(reference)
            if (entry.label, key) not in built and parts and parts[0] == plan.registry:
                pinned.setdefault(reference, (entry.label, parts))
    ask = exists or _exists

    def is_there(parts: tuple[str, str, str]) -> bool:
        registry, repository, digest = parts
        return ask(registry, repository, digest, plain_http(registry))

    provided = {parse_digest_reference(reference) for entry in plan.entries for reference in entry.document["references"].values()}
    named = {reference: found for reference, found in _named_by_digest(plan).items() if found[1] not in provided}
    wanted = {**pinned, **named}
    answers = executor.map(is_there, [parts for _, parts in wanted.values()])
    for (reference, (label, _)), found in zip(wanted.items(), answers):
        if not found and reference in named:
            todo = cure or "push it, or correct the digest"
            raise TurnupError(f"{label}: the registry does not have the image {reference}, which the manifest names by digest; {todo}.")
        if not found:
            todo = cure or f"push and pin a new one with 'bazel run {package_of(plan.label)}:pin -- dev'"
            raise TurnupError(f"{label}: the registry does not have the pinned image {reference}; {todo}.")


def _named_by_digest(plan: Plan) -> dict[str, tuple[str, tuple[str, str, str]]]:
    """Returns the images of the workspace's registry that manifests name by digest, except preloads: reference → (target, its parts)."""
    loaded = {preload.reference for preload in plan.preloads}
    named: dict[str, tuple[str, tuple[str, str, str]]] = {}
    for entry in plan.entries:
        for obj in entry.objects:
            for _, reference in container_images(obj):
                parts = parse_digest_reference(reference)
                if parts and parts[0] == plan.registry and reference not in loaded:
                    named.setdefault(reference, (entry.label, parts))
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
            _load(item.loader, connection.context, item.reference, item.archive,
                  {**environ, "KUBECONFIG": str(kubeconfig)}, item.label)
    return len(plan.preloads)


def _load(loader: Path, context: str, reference: str, archive: Path, environ: Mapping[str, str], label: str) -> None:
    import subprocess  # Few runs load anything onto the nodes.

    command = [str(loader), "--context", context, "--name", reference, str(archive)]
    try:
        with child(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            output = process.communicate(timeout=_LOADER_SECONDS)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        raise TurnupError(f"{label}: loading {reference} onto the nodes took more than 5 minutes. Look at the nodes with "
                          "'./turnup cluster list'.") from None
    except OSError as error:
        raise TurnupError(f"{label}: the loader {os.fspath(loader)} cannot be started ({error.strerror}). Check the attribute loader.") from None
    if process.returncode != 0:
        last = (output.strip().splitlines() or ["no message"])[-1].removeprefix("ERROR: ")
        raise TurnupError(f"{label}: loading {reference} onto the nodes failed: {last}")
