"""The release that Bazel has built for a test, and repositories that load it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Self

from cli.common import workspace
from cli.init import pin
from tests.adoption.foreign import Foreign
from tests.repo import tree

ARCHIVE = Path(f"release/turnup-{workspace.VERSION}.tar.gz").absolute()
WHEEL = Path(f"release/turnup-{workspace.VERSION}-py3-none-any.whl").absolute()
PREFIX = f"turnup-{workspace.VERSION}"


@cache
def members() -> dict[str, int]:
    """Returns the files of the archive: path -> size."""
    with tarfile.open(ARCHIVE) as opened:
        return {member.name.removeprefix(f"{PREFIX}/"): member.size for member in opened.getmembers()}


def pinned() -> pin.Pin:
    """Returns the pin of the archive as a file."""
    return pin.Pin(ARCHIVE.resolve().as_uri(), hashlib.sha256(ARCHIVE.read_bytes()).hexdigest(), PREFIX)


class Released(Foreign):
    """A repository that loads the archive; arguments are those of Foreign."""

    def __enter__(self) -> Self:
        super().__enter__()
        place = self.root / "WORKSPACE"
        text = place.read_text()
        checkout = pin.Pin(str(tree.ROOT)).workspace()
        assert text.count(checkout) == 1
        place.write_text(text.replace(checkout, pinned().workspace()))
        return self

    def launcher(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the launcher that init wrote, with the caches of the user who runs the test."""
        environment = {key: value for key, value in os.environ.items() if key in ("HOME", "PATH", "XDG_CACHE_HOME", "LC_ALL")}
        return subprocess.run([self.root / "turnup", *words], cwd=self.root, env=environment, capture_output=True, text=True, timeout=600, check=False)
