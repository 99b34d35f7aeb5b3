"""The archive of a release: downloads it, and checks that it has one Turnup and nothing that leads out of its folder."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
import urllib.request
import zlib
from pathlib import Path
from typing import IO

from cluster.common.errors import TurnupError

_WANTED = "Use the URL of turnup-VERSION.tar.gz."


def inspect(url: str) -> tuple[str, str]:
    """Downloads an archive.

    Args:
        url: its URL, with a scheme that was checked.

    Returns:
        Its sha256, and the folder in it that has Turnup.

    Raises:
        TurnupError: it cannot be read, or is not a release.
    """
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as file:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  # the caller has checked the scheme
                for block in iter(lambda: answer.read(1 << 20), b""):
                    digest.update(block)
                    file.write(block)
        except (OSError, ValueError) as error:
            raise TurnupError(f"--release {url}: {getattr(error, 'reason', error)}; check the URL and the network") from None
        file.seek(0)
        return digest.hexdigest(), _prefix(file, url)


def _prefix(file: IO[bytes], url: str) -> str:
    """Returns the folder of an archive that has Turnup.

    Raises:
        TurnupError: the archive is not a release.
    """
    try:
        with tarfile.open(fileobj=file) as opened:
            members = opened.getmembers()
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        raise TurnupError(f"--release {url}: the answer is not a tar archive. {_WANTED}") from None
    for member in members:
        if member.name.startswith("/") or ".." in member.name.split("/") or not (member.isfile() or member.isdir()):
            raise TurnupError(f"--release {url}: {member.name} is not a file below the archive's folder, so this is not a release. {_WANTED}")
    folders = {Path(member.name).parts[0] for member in members}
    files = {member.name for member in members if member.isfile()}
    if len(folders) != 1 or f"{min(folders)}/turnup" not in files:
        raise TurnupError(f"--release {url}: the archive does not have one folder with Turnup in it. {_WANTED}")
    return min(folders)
