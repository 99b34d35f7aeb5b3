"""A toolbox for tests: every tool has a path, except those that the test declares missing, which raise an error."""

from cli.check.toolbox import Toolbox
from cluster.common.errors import TurnupError
from cluster.programs.build import Module


class FakeToolbox(Toolbox):
    """Finds each tool as /tools/NAME, except those with the names that it is created with: they cannot be installed."""

    def __init__(self, *missing: str) -> None:
        self._missing = missing

    def _path(self, name: str) -> str:
        if name in self._missing:
            raise TurnupError(f"pip could not install {name}. Check the network, then run the same command again.")
        return f"/tools/{name}"

    def python(self) -> str:
        """See Toolbox.python."""
        return self._path("python")

    def python_program(self, name: str) -> str:
        """See Toolbox.python_program."""
        return self._path(name)

    def go(self) -> str:
        """See Toolbox.go."""
        return self._path("go")

    def gofmt(self) -> str:
        """See Toolbox.gofmt."""
        return self._path("gofmt")

    @property
    def go_version(self) -> str:
        """See Toolbox.go_version."""
        return "1.26.6"

    def go_program(self, module: Module) -> str:
        """See Toolbox.go_program."""
        return self._path(module.executable)
