"""Copy of the workspace with its own Bazel, for tests that change files and check Bazel's output.

The copy shares the fetched repositories of the Bazel that runs the test, so nothing is downloaded again. Its outputs are
separate, so neither Bazel waits for the other.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Self

from cluster.model.constants import constants
from tests.repo import tree

_CONSTANTS = constants(environment={})
# The environment that is each developer's own namespace, and those that everybody shares.
DEVELOPER_ENV, SHARED_ENVS = _CONSTANTS.developer_environment, _CONSTANTS.shared_environments

_SHARED = ("turnup_pip", "debian_python", "debian_redis", "debian_registry", "jsonnet_tools")


def _outer_external() -> Path:
    """Returns the folder of fetched repositories of the Bazel that runs this test."""
    return Path(os.environ["RUNFILES_DIR"].partition("/execroot/")[0]) / "external"


class Nested:
    """Copy of the workspace; use it as a context manager, which shuts its Bazel down at the end.

    Attributes:
        root: root of the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "turnup"
        self._output_base = folder / "base"
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_", "RUNFILES", "BUILD_", "TURNUP_", "PYTHON", "XML_"))}
        # Bazel finds files with non-ASCII names only with such a locale.
        self._environment["LC_ALL"] = "C.UTF-8"

    def __enter__(self) -> Self:
        for path in tree.files():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree.ROOT / path, self.root / path)
        return self

    def __exit__(self, *exception: object) -> None:
        self._run("shutdown")
        # Bazel makes output folders read-only.
        subprocess.run(["chmod", "-R", "u+w", str(self._output_base)], check=True)
        shutil.rmtree(self._output_base)

    def _run(self, command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # The default output root contains $USER, and a server with another output root is another server.
        root = f"--output_user_root={self._output_base.parent}"
        words = ["bazel", root, f"--output_base={self._output_base}", "--max_idle_secs=60", command, *arguments]
        return subprocess.run(
            words, cwd=self.root, env={**self._environment, **variables}, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL, check=False
        )

    def bazel(self, command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a Bazel command in the copy, with more environment variables, and returns the completed process."""
        shared = [f"--override_repository={name}={folder}" for name, folder in self._repositories().items()]
        return self._run(command, *shared, "--color=no", "--curses=no", *arguments, **variables)

    def _repositories(self) -> dict[str, Path]:
        """Returns the folders of repositories that the copy takes instead of fetching them."""
        # What the outer Bazel has not fetched, the copy does not need.
        return {name: _outer_external() / name for name in _SHARED if (_outer_external() / name).exists()}

    def build(self, *targets: str, **variables: str) -> None:
        """Builds targets, which must succeed."""
        done = self.bazel("build", *targets, **variables)
        assert done.returncode == 0, done.stderr

    def refused(self, *targets: str, **variables: str) -> str:
        """Builds targets, which must fail without a traceback; returns the output of Bazel and the tools."""
        done = self.bazel("build", *targets, **variables)
        assert done.returncode != 0, "the build succeeded"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    def built(self, path: str) -> Path:
        """Returns a built file, given its path from the workspace root."""
        return self.root / "bazel-bin" / path

    def edited(self, path: str, pattern: str, replacement: str) -> "Edit":
        """Replaces the only match of a regular expression in a file; the returned context restores the file."""
        return Edit(self.root / path, pattern, replacement)


class Edit:
    """Temporary change of one file."""

    def __init__(self, path: Path, pattern: str, replacement: str) -> None:
        self._path, self._pattern, self._replacement = path, pattern, replacement

    def __enter__(self) -> None:
        self._original = self._path.read_text()
        text, count = re.subn(self._pattern, self._replacement, self._original, flags=re.MULTILINE)
        assert count == 1, f"{self._path}: {count} matches of {self._pattern!r}"
        self._path.write_text(text)

    def __exit__(self, *exception: object) -> None:
        self._path.write_text(self._original)
