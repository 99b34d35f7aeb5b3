"""A repository that is not Turnup's, and uses this Turnup as @turnup or under another name."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from cli.init import files, pin
from tests.build.nested import Nested
from tests.repo import tree

FOLDER = tree.ROOT / "tests" / "adoption"
# What one repository of a test run has built, the next need not build again.
_DISK_CACHE = tempfile.TemporaryDirectory(prefix="turnup-adoption-")


class Foreign(Nested):
    """A repository with a Bazel of its own; use it as a context manager, which shuts its Bazel down at the end.

    Args:
        folder: where to make it.
        copied: folders of tests/adoption to copy; the first is the repository. Empty: the repository is new.
        flags: whether to have the flags that make Turnup fast on Bazel 4; without them everything works, too.
        name: what the repository calls Turnup. The copied folders call it turnup, and are changed to the name.
    """

    def __init__(self, folder: Path, *copied: str, flags: bool = True, name: str = "turnup") -> None:
        super().__init__(folder)
        self._copied = copied
        self._flags = flags
        self._name = name
        self.root = folder / (copied[0] if copied else "shop")

    def __enter__(self) -> Self:
        for name in self._copied:
            shutil.copytree(FOLDER / name, self.root.parent / name)
        plan = files.plan(self.root, pin.Pin(str(tree.ROOT)), bazel_4=self._flags)
        files.write(plan)
        if not self._flags:
            (self.root / ".bazelrc").write_text("")
        more = self.root / "packages.WORKSPACE"
        if more.exists():
            with (self.root / "WORKSPACE").open("a") as workspace:
                workspace.write(more.read_text())
        if self._name != "turnup":
            for copied in self._copied:
                self._rename(self.root.parent / copied)
        return self

    def _rename(self, folder: Path) -> None:
        """Writes the name of Turnup into every file that has it."""
        names = {'name = "turnup"': f'name = "{self._name}"', "@turnup//": f"@{self._name}//", "'turnup/": f"'{self._name}/"}
        for path in folder.rglob("*"):
            if path.name in ("BUILD", "WORKSPACE") or path.suffix in (".bzl", ".jsonnet", ".libsonnet"):
                text = path.read_text()
                for old, new in names.items():
                    text = text.replace(old, new)
                path.write_text(text)

    def _repositories(self) -> dict[str, Path]:
        """Returns the folders of Nested, in which no file names the main repository: it is not Turnup here."""
        result = super()._repositories()
        for name, folder in result.items():
            result[name] = made = self.root.parent / "shared" / name
            if not made.exists():
                made.mkdir(parents=True)
                for path in folder.iterdir():
                    if path.suffix == ".bzl":
                        (made / path.name).write_text(path.read_text().replace('"@//', f'"@{self._name}//'))
                    else:
                        (made / path.name).symlink_to(path)
        return result

    def bazel(self, command: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a Bazel command, as in Nested, with a cache that all repositories of this test run share."""
        return super().bazel(command, f"--disk_cache={_DISK_CACHE.name}", *arguments, **variables)

    def output(self, target: str, *arguments: str) -> str:
        """Returns what `bazel run TARGET` prints to stdout, which must succeed."""
        done = self.bazel("run", target, *arguments, USER="jane")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fetched(self) -> set[str]:
        """Returns the names of the repositories that Bazel has fetched."""
        external = self._output_base / "external"
        return {path.name for path in external.iterdir() if not path.name.startswith("@")}
