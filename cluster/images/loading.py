"""Imports image archives on nodes and finds out which nodes have an image.

`ctr` is the command line of containerd's client on one node, up to its namespace option; each provider runs it in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.images.archives import archive_digest, check_archive

__all__ = ["has_archive", "import_archive", "load_on"]

_LABEL = "turnup/archive"  # on an image: the digest of the archive that it came from


def import_archive(runner: Runner, ctr: Sequence[str], archive: Path) -> None:
    """Imports an OCI or Docker archive on a node, under the names in it."""
    runner.run([*ctr, "images", "import", "-"], stdin=archive)


def has_archive(runner: Runner, ctr: Sequence[str], archive: Path, reference: str) -> bool:
    """Returns whether a node has the image called reference, imported from this very archive."""
    listed = runner.run([*ctr, "images", "list", "--quiet", f'name=={reference},labels."{_LABEL}"=={_label_value(archive)}']).stdout
    return reference in listed.split()


def load_on(runner: Runner, nodes: Iterable[Sequence[str]], archive: Path, reference: str | None) -> bool:
    """Imports an archive on every node that lacks it.

    Args:
        runner: runs the commands.
        nodes: the `ctr` command line of each node.
        archive: an OCI or Docker archive.
        reference: the image to look for on the nodes first; None imports the archive on every node.

    Returns:
        Whether a node lacked it.

    Raises:
        ClusterError: the file is not an image archive or looks like a decompression bomb, which is checked first, or has no image called reference, for which a
            pod would wait in vain.
    """
    archive_digest(archive)
    lacking = [ctr for ctr in nodes if not (reference and has_archive(runner, ctr, archive, reference))]
    if lacking:
        check_archive(archive)
    for ctr in lacking:
        import_archive(runner, ctr, archive)
        if reference and runner.run([*ctr, "images", "label", reference, f"{_LABEL}={_label_value(archive)}"], check=False).code != 0:
            raise ClusterError(f"{archive} has no image named {reference}; run `tar -xOf {archive} index.json` to see its names")
    return bool(lacking)


def _label_value(archive: Path) -> str:
    return archive_digest(archive).removeprefix("sha256:")[:32]
