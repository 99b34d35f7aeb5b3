"""Images on nodes: importing archives and asking what is there."""

from __future__ import annotations

from pathlib import Path

from cluster.embedded.components import PATH, RUNTIME, RUNTIME_SOCKET
from cluster.embedded.machine import enter
from cluster.images import archive_digest
from cluster.runner import Runner

__all__ = ["has_archive", "import_archive", "mark_archive"]

_LABEL = "turnup.dev/archive"  # on an image: digest of the archive it came from


def import_archive(runner: Runner, pid: int, archive: Path) -> None:
    """Imports an OCI or docker archive on the node whose first process is pid, under the names in it.

    pid: may have been started a moment ago; its containerd is waited for.
    """
    runner.run([*_ctr(pid, wait=True), "images", "import", "-"], stdin=archive)


def mark_archive(runner: Runner, pid: int, archive: Path, reference: str) -> bool:
    """Notes on the node's image called reference which archive it came from; False when there is no such image."""
    return runner.run([*_ctr(pid), "images", "label", reference, f"{_LABEL}={_short(archive)}"], check=False).code == 0


def has_archive(runner: Runner, pid: int, archive: Path, reference: str) -> bool:
    """Whether the node has the image called reference and got it from this very archive."""
    listed = runner.run([*_ctr(pid), "images", "list", "--quiet", f'name=={reference},labels."{_LABEL}"=={_short(archive)}']).stdout
    return reference in listed.split()


def _short(archive: Path) -> str:
    return archive_digest(archive).removeprefix("sha256:")[:32]


def _ctr(pid: int, wait: bool = False) -> list[str]:
    # ctr itself waits for the socket as long as its connect timeout says.
    timeout = ["--connect-timeout", "60s"] if wait else []
    return [*enter(pid), "env", f"PATH={PATH}", f"{RUNTIME}/ctr", "--address", RUNTIME_SOCKET, *timeout, "--namespace", "k8s.io"]
