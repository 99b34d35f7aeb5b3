"""The table of tools: what each looks at, how it is called to check and to fix.

A row of `TOOLS` is all that the commands know of a tool; to add one, add a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.check import files, toolbox
from cli.check.files import FileSet
from cli.check.toolbox import Toolbox
from cluster.programs.caches import content_key

# The same as in cluster/programs/build.py, so that Go compiles each package once for both.
_GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
# A rule replaces each %{name} in a launcher's template: shellcheck takes the braces for a mistake, and the word for a command.
_PLACEHOLDERS = "--exclude=SC1083,SC2288"
# What tests may do although mypy runs in strict mode: a wrong value fails the test that has it.
_IN_TESTS = (
    # pytest passes what the parameters name, so the types of fixtures would be written twice. Bodies are checked.
    *("--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls", "--allow-untyped-decorators", "--check-untyped-defs"),
    # A value that is None, or has a type that the test does not expect, raises where the test uses it.
    *("--no-strict-optional", "--allow-any-generics", "--no-warn-return-any"),
    # Tests replace what a module imports, pass fakes, and collect calls in lists that begin empty.
    *("--implicit-reexport", "--disable-error-code=arg-type", "--disable-error-code=var-annotated", "--disable-error-code=func-returns-value"),
)


@dataclass(frozen=True)
class Call:
    """One call of a tool.

    Attributes:
        argv: the program and its arguments.
        folder: where it runs, relative to the workspace.
        env: variables beside the session's own.
        silent: whether the tool must print nothing, because its exit code says nothing.
        stamp: a file that says that this very call has succeeded before; None where the tool has a cache of its own.
    """

    argv: tuple[str, ...]
    folder: str = "."
    env: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    stamp: Path | None = None


Calls = Callable[[Toolbox, FileSet], list[Call]]


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: what people call it.
        kinds: the kinds of files that it looks at; it runs where there is one.
        check: returns the calls that print findings.
        fix: returns the calls that correct what can be corrected; None where nothing can.
    """

    name: str
    kinds: tuple[str, ...]
    check: Calls
    fix: Calls | None = None


def _ruff(box: Toolbox, *words: str) -> tuple[str, ...]:
    # Paths that pyproject.toml excludes stay excluded when they are named.
    return (box.python_program("ruff"), *words, "--force-exclude", f"--cache-dir={toolbox.cache_folder('ruff')}")


def _check_ruff(box: Toolbox, chosen: FileSet) -> list[Call]:
    names = chosen.of(files.PYTHON)
    return [
        Call((*_ruff(box, "check", "--quiet", "--output-format=concise"), "--", *names)),
        Call((*_ruff(box, "format", "--check", "--quiet", "--output-format=concise"), "--", *names)),
    ]


def _fix_ruff(box: Toolbox, chosen: FileSet) -> list[Call]:
    names = chosen.of(files.PYTHON)
    return [
        Call((*_ruff(box, "check", "--fix-only", "--quiet"), "--", *names)),
        Call((*_ruff(box, "format", "--quiet"), "--", *names)),
    ]


def _check_mypy(box: Toolbox, chosen: FileSet) -> list[Call]:
    """Checks the whole program, since a changed signature breaks its callers; named paths are checked alone."""
    names = chosen.of(files.PYTHON) if chosen.by_path else chosen.all_of(files.PYTHON)
    names = [name for name in names if name.endswith(".py")]
    tests = [name for name in names if files.is_test(name)]
    programs = [name for name in names if not files.is_test(name)]
    alone = ["--follow-imports=silent"]  # reports nothing about what is only imported
    calls = [_mypy(box, "programs", alone if chosen.by_path else [], programs)] if programs else []
    if tests:
        calls.append(_mypy(box, "tests", [*alone, *_IN_TESTS], tests))
    return calls


def _mypy(box: Toolbox, cache: str, flags: list[str], names: list[str]) -> Call:
    # Each set of flags has its own cache: mypy discards a cache that other flags have written.
    quiet = ["--no-error-summary", f"--cache-dir={toolbox.cache_folder('mypy') / cache}"]
    return Call((box.python(), "-Im", "mypy", *quiet, *flags, "--", *names))


def _buildifier(box: Toolbox, mode: str, lint: str, chosen: FileSet) -> list[Call]:
    program = box.go_program(toolbox.BUILDIFIER)
    return [Call((program, f"-mode={mode}", f"-lint={lint}", "-warnings=all", *chosen.of(files.STARLARK)))]


def _check_buildifier(box: Toolbox, chosen: FileSet) -> list[Call]:
    return _buildifier(box, "check", "warn", chosen)


def _fix_buildifier(box: Toolbox, chosen: FileSet) -> list[Call]:
    return _buildifier(box, "fix", "fix", chosen)


def _check_jsonnet(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.go_program(toolbox.JSONNET_TOOLS), "check", *chosen.of(files.JSONNET)))]


def _fix_jsonnet(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.go_program(toolbox.JSONNET_TOOLS), "fix", *chosen.of(files.JSONNET)))]


def _check_gofmt(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.gofmt(), "-d", *chosen.of(files.GO)), silent=True)]


def _fix_gofmt(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.gofmt(), "-w", *chosen.of(files.GO)))]


def _check_vet(box: Toolbox, chosen: FileSet) -> list[Call]:
    """Checks whole modules; a module that has passed is not checked again before one of its files changes."""
    calls = []
    for module in chosen.go_modules():
        names = [name for name in chosen.all_of(files.GO) + chosen.all_of(files.MODULE) if name.startswith(f"{module}/")]
        parts = [box.go_version, *(part for name in names for part in (name, (chosen.root / name).read_bytes()))]
        # The rows of a table need no field names, also where another package declares their type (-composites).
        argv = (box.go(), "vet", "-trimpath", "-buildvcs=false", "-composites=false", "./...")
        stamp = toolbox.cache_folder("vet") / content_key([*argv, *parts])
        calls.append(Call(argv, module, tuple(_GO_ENVIRONMENT.items()), stamp=stamp))
    return calls


def _check_shell(box: Toolbox, chosen: FileSet) -> list[Call]:
    program, scripts, templates = box.python_program("shellcheck"), chosen.of(files.SHELL), chosen.of(files.TEMPLATE)
    calls = [Call((program, "--format=gcc", "--", *scripts))] if scripts else []
    if templates:
        calls.append(Call((program, "--format=gcc", _PLACEHOLDERS, "--", *templates)))
    return calls


TOOLS = (
    Tool("ruff", (files.PYTHON,), _check_ruff, _fix_ruff),
    Tool("mypy", (files.PYTHON,), _check_mypy),
    Tool("buildifier", (files.STARLARK,), _check_buildifier, _fix_buildifier),
    Tool("jsonnetfmt", (files.JSONNET,), _check_jsonnet, _fix_jsonnet),
    Tool("gofmt", (files.GO,), _check_gofmt, _fix_gofmt),
    Tool("go vet", (files.GO, files.MODULE), _check_vet),
    Tool("shellcheck", (files.SHELL, files.TEMPLATE), _check_shell),
)
