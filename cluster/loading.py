"""Images on nodes: importing archives and asking what is there.

ctr is the command line of containerd's client on one node, up to its
namespace option; every provider has its own way to start it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cluster.errors import ClusterError
from cluster.images import archive_digest
from cluster.runner import Runner

__all__ = ["has_archive", "import_archive", "load_on"]

_LABEL = "turnup/archive"  # on an image: digest of the archive it came from


def import_archive(runner: Runner, ctr: Sequence[str], archive: Path) -> None:
    """Imports an OCI or docker archive on a node, under the names in it."""
    runner.run([*ctr, "images", "import", "-"], stdin=archive)


def has_archive(runner: Runner, ctr: Sequence[str], archive: Path, reference: str) -> bool:
    """Whether a node has the image called reference and got it from this very archive."""
    listed = runner.run([*ctr, "images", "list", "--quiet", f'name=={reference},labels."{_LABEL}"=={_short(archive)}']).stdout
    return reference in listed.split()


def load_on(runner: Runner, nodes: Iterable[Sequence[str]], archive: Path, reference: str | None) -> bool:
    """Puts an archive's images on every node (given by its ctr) that lacks them; whether any did.

    Without a reference all nodes get the archive. With one, it must be in the
    archive: else ClusterError, for a pod would wait for it in vain. So is a
    file that is no image archive, before any node gets it.
    """
    archive_digest(archive)
    lacking = [ctr for ctr in nodes if not (reference and has_archive(runner, ctr, archive, reference))]
    for ctr in lacking:
        import_archive(runner, ctr, archive)
        if reference and runner.run([*ctr, "images", "label", reference, f"{_LABEL}={_short(archive)}"], check=False).code != 0:
            raise ClusterError(f"{archive} holds no image named {reference}: see what it names with `tar -xOf {archive} index.json`")
    return bool(lacking)


def _short(archive: Path) -> str:
    return archive_digest(archive).removeprefix("sha256:")[:32]
