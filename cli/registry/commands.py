"""`turnup registry`: what the registry in the cluster stores, and deleting what nothing uses."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TextIO

import click

from cli.common.session import Session
from cli.registry.registry_api import Contents, RegistryApi, StoredImage
from cli.registry.selection import find_unused, freed_bytes
from cli.registry.usage import Usage, read_cluster, read_workspace
from cluster.common.errors import TurnupError
from cluster.model.constants import constants
from cluster.model.names import context_name
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.durations import parse_duration
from rules.k8s.tools.images import registry_login
from rules.k8s.tools.kubeconfig.kubeconfig import kubeconfig_files, load

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_SHORT = len("sha256:") + 12

_output = click.option("--output", type=click.Choice(["text", "json"]), default="text", help="The form of the list.")


@click.group("registry")
def registry() -> None:
    """Show and clean up the images in the cluster's registry."""


@registry.command("ls")
@_output
@click.pass_obj
def list_command(session: Session, output: str) -> int:
    """List the repositories with the number of their images, their tags and their size."""
    with opened(session) as (name, api, _):
        contents = api.contents()
    repositories: dict[str, list[StoredImage]] = {}
    for image in contents.images:
        repositories.setdefault(image.repository, []).append(image)
    rows = [
        {
            "repository": repository,
            "images": len(images),
            "tags": sorted(tag for image in images for tag in image.tags),
            "bytes": freed_bytes((), images),
        }
        for repository, images in sorted(repositories.items())
    ]
    if output == "json":
        print(json.dumps({"registry": name, "limit": contents.limit, "used": contents.used, "repositories": rows}, indent=2), file=session.stdout)
        return 0
    table: list[tuple[str, ...]] = [("REPOSITORY", "IMAGES", "SIZE", "TAGS")]
    table += [(str(row["repository"]), str(row["images"]), size(int(str(row["bytes"]))), _shorten(row["tags"])) for row in rows]
    print_table(table, session.stdout)
    print(f"{name}: {size(contents.used)} of {size(contents.limit)} are used; repositories share blobs", file=session.stdout)
    return 0


@registry.command("gc")
@click.option("--delete", is_flag=True, help="Delete them; without it they are only listed.")
@click.option("--older-than", metavar="DURATION", default="1h", show_default=True, help="Keep what was pushed or asked for since then.")
@_output
@click.pass_obj
def gc_command(session: Session, delete: bool, older_than: str, output: str) -> int:
    """List the images that nothing uses, and delete them with --delete.

    An image is used if a file of this workspace, a revision of a stack, or a pod or controller in the cluster names it.
    """
    seconds = parse_duration(older_than)
    with opened(session) as (name, api, client):
        # The registry first: what is pushed and applied after that is not in the list.
        contents = api.contents()
        usage = Usage(name)
        read_workspace(usage, session.root, session.runner)
        read_cluster(usage, client, lambda line: print(line, file=session.stderr))
        unused = find_unused(contents.images, usage.digests, usage.tags, seconds)
        total = freed_bytes(contents.images, unused)
        collected = api.collect(unused, seconds) if delete else None
    if output == "json":
        result = {
            "registry": name,
            "limit": contents.limit,
            "used": collected.used if collected else contents.used,
            "images": len(contents.images),
            "unused": [_row(image) for image in unused],
            "unusedBytes": total,
        }
        if collected:
            result |= {"deleted": list(collected.deleted), "kept": list(collected.kept), "freedBytes": collected.freed}
        print(json.dumps(result, indent=2), file=session.stdout)
        return 0
    _print_unused(unused, session.stdout)
    print(f"{name}: {size(contents.used)} of {size(contents.limit)} are used", file=session.stdout)
    if collected:
        kept = f"; kept {count(len(collected.kept))} used in the meantime" if collected.kept else ""
        print(f"deleted {count(len(collected.deleted))}, freed {size(collected.freed)}{kept}", file=session.stdout)
    else:
        print(_summary(contents, unused, total), file=session.stdout)
    return 0


def _summary(contents: Contents, unused: list[StoredImage], total: int) -> str:
    if not unused:
        return f"no unused image among {count(len(contents.images))}; --delete removes only blobs that no image needs"
    return f"{len(unused)} of {count(len(contents.images))} are not used, {size(total)}; delete them with 'turnup registry gc --delete'"


def _row(image: StoredImage) -> dict[str, object]:
    row = {"repository": image.repository, "digest": image.digest, "tags": list(image.tags), "bytes": image.bytes, "age": image.age}
    return row | ({"problem": image.problem} if image.problem else {})


def _print_unused(unused: list[StoredImage], stdout: TextIO) -> None:
    if unused:
        table: list[tuple[str, ...]] = [("REPOSITORY", "DIGEST", "SIZE", "AGE", "TAGS")]
        table += [(image.repository, image.digest[:_SHORT], size(image.bytes), age(image.age), _shorten(image.tags)) for image in unused]
        print_table(table, stdout)


def _shorten(tags: object) -> str:
    text = " ".join(map(str, tags)) if isinstance(tags, (list, tuple)) else ""
    return text if len(text) <= 40 else f"{text[:39]}…"


def count(images: int) -> str:
    """Returns `1 image` or `N images`."""
    return f"{images} image{'' if images == 1 else 's'}"


def size(number: int) -> str:
    """Returns a number of bytes for people: 1.5 GiB."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{number} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def age(seconds: int) -> str:
    """Returns an age for people, in its largest unit: 3d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def print_table(rows: list[tuple[str, ...]], stdout: TextIO) -> None:
    """Prints rows in columns. Names in a registry are anybody's text, so control characters are replaced."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in safe) for column in range(len(safe[0]))]
    for row in safe:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=stdout)


def printable(text: str) -> str:
    """Returns text with `?` for each character that a terminal would not print."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextlib.contextmanager
def opened(session: Session) -> Iterator[tuple[str, RegistryApi, Client]]:
    """Yields the name of the registry in the session's cluster, its API, and a client of the cluster.

    Raises:
        TurnupError: the cluster does not answer, or runs no registry.
    """
    environ = session.environ
    context = session.context or context_name(constants().cluster)
    client = Client(load(kubeconfig_files("", environ), context, environ=environ), connections=2)
    login = registry_login.ClusterLogin(lambda: client, own=lambda _: None)
    name = login.registry()
    if name is None:
        raise TurnupError(
            f"context {context!r} runs no registry of Turnup: it has no Secret {registry_login.SECRET} in namespace {registry_login.NAMESPACE}; "
            "run 'bazel run //prod:setup.apply', or name another context with --context"
        )
    found = login.of_cluster(name)
    if found is None:
        raise TurnupError(f"context {context!r}: the Secret {registry_login.SECRET} has just changed; run this again")
    api = RegistryApi(name, found, note=lambda line: print(line, file=session.stderr))
    try:
        yield name, api, client
    finally:
        api.close()
