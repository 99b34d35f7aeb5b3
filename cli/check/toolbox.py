"""The tools: lock files pin them, and they are installed or built in the cache folder when they are first needed.

ruff, mypy and shellcheck are wheels with hashes (third_party/python/check.lock). The others are built from Go modules
(third_party/go), which go.sum pins.
"""

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cli.common.session import Session, tail
from cluster.common.errors import ClusterError, Interrupted, TurnupError
from cluster.programs.build import Module, build_module
from cluster.programs.caches import content_key, get_or_make
from cluster.programs.toolchain import Go, find_go
from rules.common.caches import cache_dir

BUILDIFIER = Module("buildtools", "buildifier", minutes=0.2, gigabytes=0.2, package="github.com/bazelbuild/buildtools/buildifier")
JSONNET_TOOLS = Module("jsonnet", "jsonnet-tools", minutes=0.1, gigabytes=0.2)
# mypy reads the types of the packages in requirements.lock.
_LOCKS = ("third_party/python/requirements.lock", "third_party/python/check.lock")


class Toolbox:
    """Finds the tools; installs or builds a missing one in a step that the user sees.

    Args:
        session: the call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._failed: dict[str, TurnupError] = {}

    def python(self) -> str:
        """Returns the interpreter of the environment that has mypy and the types of all packages."""
        return str(self._environment() / "bin" / "python")

    def python_program(self, name: str) -> str:
        """Returns a program from a wheel: ruff or shellcheck."""
        return str(self._environment() / "bin" / name)

    def go(self) -> str:
        """Returns the Go command."""
        return self._once("go", lambda: str(self._go.executable(self._session.progress, self._session.runner)))

    def gofmt(self) -> str:
        """Returns gofmt, which comes with Go."""
        return str(Path(self.go()).resolve().parent / "gofmt")

    @property
    def go_version(self) -> str:
        """Returns the version of the Go command."""
        return self._go.version

    def go_program(self, module: Module) -> str:
        """Returns the program of a module below third_party/go.

        Raises:
            TurnupError: the build failed.
        """
        sources = self._session.root / "third_party" / "go"

        def build() -> str:
            try:
                return str(build_module(module, self._go, self._session.progress, self._session.runner, sources) / module.executable)
            except ClusterError as error:
                words = f"{error}. Check the network, then run the same command again."
                raise TurnupError(f"{module.executable} could not be built: {words}") from error

        return self._once(module.executable, build)

    @cached_property
    def _go(self) -> Go:
        """The Go that is new enough for every module."""
        found = [find_go(self._session.runner), find_go(self._session.runner, self._session.root / "third_party" / "go")]
        return next((go for go in found if go.path is None), found[0])

    def _environment(self) -> Path:
        locks = [self._session.root / lock for lock in _LOCKS]
        key = content_key([*(lock.read_bytes() for lock in locks), sys.version, sys.base_prefix])
        return Path(self._once("environment", lambda: str(get_or_make("check/environment", key, self._make_environment))))

    def _make_environment(self, folder: Path) -> None:
        # A separate environment, in which mypy sees the locked packages and nothing else.
        with self._session.progress.step("Installing ruff, mypy and shellcheck (first run)") as step:
            log = self._session.log("check-install")
            python = str(folder / "bin" / "python")
            pip = [python, "-Im", "pip", "--disable-pip-version-check", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
            locks = [word for lock in _LOCKS for word in ("-r", str(self._session.root / lock))]
            for words in ([sys.executable, "-Im", "venv", str(folder)], [*pip, *locks]):
                if self._session.runner.stream(words, log=log, on_line=step.note):
                    last = tail(log, 1) or "it printed nothing"
                    raise TurnupError(f"pip could not install {_LOCKS[-1]} ({last}; full log: {log}). Check the network, then run the same command again.")

    def _once(self, name: str, make: Callable[[], str]) -> str:
        """Returns what make returns. After a failure, the next call raises the same error and does not try again."""
        if name in self._failed:
            raise self._failed[name]
        try:
            return make()
        except Interrupted:
            raise
        except TurnupError as error:
            self._failed[name] = TurnupError(str(error))
            raise self._failed[name] from error


def cache_folder(name: str) -> Path:
    """Returns the folder for a tool's own cache, which the tool creates."""
    return cache_dir() / "check" / name
