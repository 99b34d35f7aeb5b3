"""`python -m rules.java.tools.maven.fetch COORDINATES SHA256 FOLDER`: puts a locked file into a folder.

It comes from the user's cache, from Maven's local repository, or from the first of the machine's repositories that has it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rules.java.tools.maven.coordinates import Coordinates
from rules.java.tools.maven.errors import FetchError, run
from rules.java.tools.maven.store import Store, place, sha256_of

if TYPE_CHECKING:
    from rules.java.tools.maven.repositories import Repository

_UNKNOWN = "Choose a version that exists, or add the repository that has it to ~/.m2/settings.xml."


def fetch(wanted: Coordinates, sha256: str, store: Store) -> Path:
    """Returns the path of a file in the cache, after a download if that is needed.

    Args:
        wanted: the file.
        sha256: its checksum.
        store: the cache.

    Raises:
        FetchError: no repository has the file, or what they have is another one.
    """
    found = store.find(sha256)
    if found:
        return found
    with store.locked(sha256):
        # Another process may just have finished the same download.
        return store.find(sha256) or _fetch(wanted, sha256, store)


def _fetch(wanted: Coordinates, sha256: str, store: Store) -> Path:
    # A file that the cache has needs no settings and no network.
    from rules.java.tools.maven import installation as maven_installation
    from rules.java.tools.maven import repositories, settings

    home = maven_installation.find()
    configuration = settings.read(home)
    adopted = store.adopt(configuration.local_repository / wanted.path, sha256)
    if adopted:
        return adopted
    if configuration.offline:
        raise FetchError(f"{wanted} is not in the cache, and settings.xml says offline. Remove <offline> from it, and try again.")
    if settings.has_encrypted(configuration):
        configuration = settings.decrypted(configuration, _passwords())
    problems = []
    asked = repositories.configured(configuration, home)
    part = store.part(sha256)
    for repository in asked:
        try:
            complete = _download(repository, wanted, sha256, part)
        except FetchError as error:
            problems.append(str(error))
            continue
        if complete:
            return store.keep(part, sha256)
    names = ", ".join(repository.id for repository in asked)
    raise FetchError(f"{wanted}: {problems[0]}" if problems else f"{wanted} is in none of the machine's repositories ({names}). {_UNKNOWN}")


def _passwords() -> dict[tuple[str, str], str]:
    """Returns the passwords of the settings by kind and id: only Maven can decrypt them."""
    import base64
    import os

    from rules.java.tools.maven import java_program

    found = {}
    for line in java_program.run("Decrypt", "", os.environ, lambda _: None):
        kind, name, password = line.split("\t")
        found[kind, base64.b64decode(name).decode()] = base64.b64decode(password).decode()
    return found


def _download(repository: Repository, wanted: Coordinates, sha256: str, part: Path) -> bool:
    """Returns whether the part is now the file. A resumed download that does not fit is tried once more from the start."""
    from rules.java.tools.maven.download import download

    while True:
        resumed = part.exists()
        if not download(repository, wanted.path, part):
            return False
        found = sha256_of(part)
        if found == sha256:
            return True
        part.unlink()
        if not resumed:
            raise FetchError(
                f"repository {repository.id} has another file than the lock: its SHA-256 is {found}, and the lock has {sha256}. "
                "If the repository can be trusted, run the lock's update command and look at the change."
            )


def main(argv: Sequence[str]) -> int:
    """Puts the file of the first argument into the folder of the last."""
    wanted = Coordinates.parse(argv[0])
    place(fetch(wanted, argv[1], Store()), Path(argv[2], wanted.file_name), wanted.extension == "exe")
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
