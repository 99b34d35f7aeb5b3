"""The program of `bazel run //pkg:NAME.update_images`, which locks the images that manifests name by tag.

    bazel run //shop/ingress:ingress.update_images                      lock the present digest of every tag
    bazel run //shop/ingress:ingress.update_images -- example/app:1.2   only of this one
    bazel run //shop/ingress:ingress.update_images -- --dry-run         print what would change

The lock is a checked-in file beside the manifests (see rules/k8s/tools/build/image_lock.py). It changes only after
every registry has answered.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rules.image.tools.oci import oci
from rules.image.tools.pull.puller import Puller
from rules.image.tools.registry.names import DOCKER_HUB, DOCKER_HUB_HOST, is_private
from rules.image.tools.registry.parallel import run_parallel
from rules.k8s.tools.build.image_lock import parse_lock, render_lock
from rules.k8s.tools.build.pins import write_together
from rules.k8s.tools.errors import TurnupError, UsageError, run_main
from rules.k8s.tools.objects.image_references import registry_of

_REQUESTS = 8  # at once


@dataclass(frozen=True)
class LockPlan:
    """The images by tag of some targets, as Bazel wrote them at build time.

    Attributes:
        label: the target that was run.
        lock: the lock's path from the workspace root.
        users: {reference: the first target and object that uses it}.
    """

    label: str
    lock: str
    users: dict[str, str]


@dataclass(frozen=True)
class TagReference:
    """Where an image by tag is: its registry, repository and tag."""

    registry: str
    repository: str
    tag: str


def read_lock_plan(path: Path, runfiles: Path) -> LockPlan:
    """Reads the plan of an update_images target."""
    plan = json.loads(path.read_text(encoding="utf-8"))
    users: dict[str, str] = {}
    for name in plan["documents"]:
        document = json.loads((runfiles / plan["workspace"] / name).read_text(encoding="utf-8"))
        for reference, user in document["other_images"].items():
            users.setdefault(reference, f"{document['label']}: {user}")
    return LockPlan(plan["label"], plan["lock"], users)


def split_tag_reference(reference: str, where: str) -> TagReference:
    """Returns where a reference by tag leads, as container runtimes read it: without a registry to Docker Hub, without a tag to `latest`.

    Args:
        reference: `[REGISTRY/]REPOSITORY[:TAG]`.
        where: what names it, for errors.

    Raises:
        InputError: it is not such a reference.
    """
    registry = registry_of(reference)
    head, slash, last = (reference.removeprefix(f"{registry}/") if registry else reference).rpartition("/")
    last, colon, tag = last.partition(":")
    repository = head + slash + last
    if registry in ("", *DOCKER_HUB):
        registry, repository = DOCKER_HUB_HOST, repository if "/" in repository else f"library/{repository}"
    oci.check_repository(repository, f"{where}: {reference}")
    return TagReference(registry, repository, oci.check_tag(tag if colon else "latest", f"{where}: {reference}"))


def present_digests(users: Mapping[str, str], client: Callable[[str], Puller]) -> dict[str, str]:
    """Asks registries for the present digests of references by tag: of the index, if an image is for several platforms.

    Args:
        users: {reference: what uses it, for errors}.
        client: returns a client of a registry.

    Returns:
        {reference: digest}.

    Raises:
        TurnupError: a reference is malformed, or a registry does not answer, refuses, or has no such image.
    """
    places = {reference: split_tag_reference(reference, user) for reference, user in users.items()}
    clients = {registry: client(registry) for registry in sorted({place.registry for place in places.values()})}

    def ask(reference: str) -> str:
        place = places[reference]
        data = clients[place.registry].manifest(place.repository, place.tag)
        where = f"{place.registry}/{place.repository}:{place.tag}"
        parsed = oci.load(data, where)
        if parsed.get("mediaType") not in oci.INDEXES and not isinstance(parsed.get("manifests"), list):
            oci.check_manifest(data, where)
        return oci.sha256(data)

    references = sorted(places)
    try:
        return dict(zip(references, run_parallel(ask, references, _REQUESTS), strict=True))
    finally:
        for opened in clients.values():
            opened.close()


def describe_changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Returns a line for each reference whose digest differs."""
    references = sorted(reference for reference in old.keys() | new.keys() if old.get(reference) != new.get(reference))
    return [f"  {reference}: {old.get(reference, 'not locked')} -> {new.get(reference, 'removed')}" for reference in references]


def _client(registry: str, note: Callable[[str], None]) -> Puller:
    # As for pushes, a registry at a private address, such as the cluster's own, has no TLS.
    return Puller(registry, insecure=True if is_private(registry) else None, note=note)


def _chosen(plan: LockPlan, references: Iterable[str]) -> dict[str, str]:
    """Returns the users of the given references, or of all; raises UsageError for one that no manifest has."""
    for reference in references:
        if reference not in plan.users:
            raise UsageError(f"{reference!r} is not an image by tag of {plan.label}. Use one of {', '.join(sorted(plan.users)) or 'none'}.")
    return {reference: plan.users[reference] for reference in references} or plan.users


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bazel run TARGET.update_images --", description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("references", nargs="*", metavar="REFERENCE", help="an image to lock, as the manifests name it; all without any")
    parser.add_argument("--dry-run", action="store_true", help="print what would change; write nothing")
    return parser


def main(argv: list[str], stdout: TextIO | None = None, stderr: TextIO | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Locks the images by tag of some targets.

    Args:
        argv: PLAN (relative to the runfiles), then the user's arguments.
        stdout: where the changes are printed; the process' own when None.
        stderr: where errors and notes are printed; the process' own when None.
        environ: the environment; the process' own when None.

    Returns:
        The exit code.
    """
    environ = os.environ if environ is None else environ
    out, err = stdout or sys.stdout, stderr or sys.stderr

    def body() -> int:
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_lock_plan(runfiles / argv[0], runfiles)
        options = _parser().parse_args(argv[1:])
        if not environ.get("BUILD_WORKSPACE_DIRECTORY"):
            raise TurnupError(f"{plan.label}: BUILD_WORKSPACE_DIRECTORY is not set. Start the target with 'bazel run'.")
        path = Path(environ["BUILD_WORKSPACE_DIRECTORY"], plan.lock)
        chosen = _chosen(plan, options.references)
        old = parse_lock(_read(path), plan.lock, plan.label)
        try:
            digests = present_digests(chosen, lambda registry: _client(registry, lambda line: print(line, file=err)))
        except TurnupError as error:
            raise TurnupError(f"{error}. {plan.lock} was not changed.") from None
        new = {**{reference: digest for reference, digest in old.items() if reference in plan.users}, **digests}
        changes = describe_changes(old, new)
        if changes and not options.dry_run:
            write_together({path: render_lock(new, plan.label)})
        verb = "would change" if options.dry_run else "changed"
        print(f"{plan.lock}: " + ("\n".join([f"{len(changes)} {verb}", *changes]) if changes else "up to date"), file=out)
        return 0

    return run_main(body, stderr=stderr)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TurnupError(f"{path} cannot be read ({error}). Make it a readable UTF-8 file.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
