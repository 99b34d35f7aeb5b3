"""Where the tools come from: pinned by lock files, installed or built in the cache folder when they are first needed.

Python's and shell's come as wheels with hashes (third_party/python/check.lock), the others are built from Go modules
(third_party/go), which go.sum pins.
"""

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import cast

from cli.errors import Interrupted, TurnupError
from cli.session import Session, tail
from cluster.build import Module, build_module
from cluster.caches import cache_root, kept, key_of
from cluster.errors import ClusterError
from cluster.progress import StepContext
from cluster.runner import Runner, SystemRunner
from cluster.toolchain import Go, find_go

BUILDIFIER = Module("buildtools", "buildifier", minutes=0.2, gigabytes=0.2, package="github.com/bazelbuild/buildtools/buildifier")
JSONNET_TOOLS = Module("jsonnet", "jsonnet-tools", minutes=0.1, gigabytes=0.2)
# mypy reads the types of the packages in requirements.lock.
_LOCKS = ("third_party/python/requirements.lock", "third_party/python/check.lock")


class Toolbox:
    """Finds the tools; each property and method installs or builds what is missing, as a step that the user sees.

    Args:
        session: the call.
        runner: builds Go programs; None for real ones.
    """

    def __init__(self, session: Session, runner: Runner | None = None) -> None:
        self._session = session
        self._runner = runner or SystemRunner()
        self._failed: dict[str, TurnupError] = {}

    def python(self) -> str:
        """Returns the interpreter of the environment that has mypy and the types of all packages."""
        return str(self._environment() / "bin" / "python")

    def python_program(self, name: str) -> str:
        """Returns a program that a wheel brought: ruff or shellcheck."""
        return str(self._environment() / "bin" / name)

    def go(self) -> str:
        """Returns the Go command."""
        return self._once("go", lambda: str(self._go.executable(self._progress, self._runner)))

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
            TurnupError: it could not be built; the sentence says why.
        """
        sources = self._session.root / "third_party" / "go"

        def build() -> str:
            try:
                return str(build_module(module, self._go, self._progress, self._runner, sources) / module.executable)
            except ClusterError as error:
                words = f"{error}. Check the network, then run the same command again."
                raise TurnupError(f"{module.executable} could not be built: {words}") from error

        return self._once(module.executable, build)

    @property
    def _progress(self) -> "_Progress":
        return _Progress(self._session)

    @cached_property
    def _go(self) -> Go:
        """The Go that is new enough for every module."""
        found = [find_go(self._runner), find_go(self._runner, self._session.root / "third_party" / "go")]
        return next((go for go in found if go.path is None), found[0])

    def _environment(self) -> Path:
        locks = [self._session.root / lock for lock in _LOCKS]
        key = key_of([*(lock.read_bytes() for lock in locks), sys.version, sys.base_prefix])
        return Path(self._once("environment", lambda: str(kept("check/environment", key, self._make_environment))))

    def _make_environment(self, folder: Path) -> None:
        # An environment of its own, so that mypy sees the locked packages and nothing else.
        with self._session.steps.step("Installing ruff, mypy and shellcheck (first run)") as step:
            log = self._session.log("check-install")
            python = str(folder / "bin" / "python")
            pip = [python, "-Im", "pip", "--disable-pip-version-check", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
            locks = [word for lock in _LOCKS for word in ("-r", str(self._session.root / lock))]
            for words in ([sys.executable, "-Im", "venv", str(folder)], [*pip, *locks]):
                if self._session.runner.run(words, log=log, on_line=step.note):
                    last = tail(log, 1) or "it printed nothing"
                    raise TurnupError(f"pip could not install {_LOCKS[-1]} ({last}; full log: {log}). Check the network, then run the same command again.")

    def _once(self, name: str, make: Callable[[], str]) -> str:
        """Returns what make returns; a failure is not tried again for the next tool that needs the same."""
        if name in self._failed:
            raise self._failed[name]
        try:
            return make()
        except Interrupted:
            raise
        except (ClusterError, TurnupError) as error:
            self._failed[name] = TurnupError(str(error))
            raise self._failed[name] from error


class _Progress:
    """Shows the steps of a Go build among the command's own.

    Args:
        session: the call.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def step(self, title: str) -> StepContext:
        """See cluster.progress.Progress.step."""
        return cast("StepContext", self._session.steps.step(title))

    def note(self, text: str) -> None:
        """See cluster.progress.Progress.note."""
        self._session.steps.say(text)


def cache_folder(name: str) -> Path:
    """Returns the folder of one tool's own cache, which it makes itself."""
    return cache_root() / "check" / name
