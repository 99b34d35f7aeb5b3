"""The table of tools: the files that each checks, and the calls that check and fix them.

To add a tool, add a row to `TOOLS`.
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
# What mypy prints beside an error, such as every variant of an overloaded function, and what ruff format says about correct files.
_MYPY_NOTE = r"[^:]+:(?:\d+:)+ note: .*"
_RUFF_COUNT = r"\d+ files? (?:reformatted|left unchanged|already formatted).*"
# Rules replace %{name} in a launcher's template. shellcheck reports the braces as a mistake and the name as a command.
_PLACEHOLDERS = "--exclude=SC1083,SC2288"
# The rules of strict mode that tests need not follow: a wrong value makes the test fail anyway.
_IN_TESTS = (
    # pytest passes fixtures by the names of the parameters, so their types would be written twice. Bodies are checked.
    *("--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls", "--allow-untyped-decorators", "--check-untyped-defs"),
    # A value that is None or has an unexpected type raises an error where the test uses it.
    *("--no-strict-optional", "--allow-any-generics", "--no-warn-return-any"),
    # Tests replace what a module imports, pass fakes, and collect calls in lists that are empty at first.
    *("--implicit-reexport", "--disable-error-code=arg-type", "--disable-error-code=var-annotated", "--disable-error-code=func-returns-value"),
)


@dataclass(frozen=True)
class Call:
    """One call of a tool.

    Attributes:
        argv: the program and its arguments.
        folder: where it runs, relative to the workspace.
        env: variables in addition to those of the session.
        silent: whether any output is a finding, because the exit code is always 0.
        noise: a pattern of whole lines that are not findings; "" for none.
        stamp: a file that exists if this call has succeeded before; None if the tool has its own cache.
    """

    argv: tuple[str, ...]
    folder: str = "."
    env: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    noise: str = ""
    stamp: Path | None = None


Calls = Callable[[Toolbox, FileSet], list[Call]]


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: its usual name.
        kinds: the kinds of files that it checks; it runs if there is one.
        check: returns the calls that print findings.
        fix: returns the calls that correct the files; None if the tool corrects nothing.
        whole: whether it checks whole programs, which a deleted file can break.
    """

    name: str
    kinds: tuple[str, ...]
    check: Calls
    fix: Calls | None = None
    whole: bool = False


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
        # Not quiet: it must name a file that it can't parse, which check --fix-only does not.
        Call((*_ruff(box, "format"), "--", *names), noise=_RUFF_COUNT),
    ]


def _check_mypy(box: Toolbox, chosen: FileSet) -> list[Call]:
    """Checks the whole program, because a changed signature can break callers. Checks only the paths that the user names."""
    names = chosen.of(files.PYTHON) if chosen.by_path else chosen.all_of(files.PYTHON)
    names = [name for name in names if name.endswith(".py")]
    tests = [name for name in names if files.is_test(name)]
    programs = [name for name in names if not files.is_test(name)]
    alone = ["--follow-imports=silent"]  # reports nothing about modules that are only imported
    calls = [_mypy(box, "programs", alone if chosen.by_path else [], programs)] if programs else []
    if tests:
        calls.append(_mypy(box, "tests", [*alone, *_IN_TESTS], tests))
    return calls


def _mypy(box: Toolbox, cache: str, flags: list[str], names: list[str]) -> Call:
    # Each set of flags has its own cache, because mypy discards a cache that was written with other flags.
    quiet = ["--no-error-summary", f"--cache-dir={toolbox.cache_folder('mypy') / cache}"]
    return Call((box.python(), "-Im", "mypy", *quiet, *flags, "--", *names), noise=_MYPY_NOTE)


def _buildifier(box: Toolbox, mode: str, lint: str, chosen: FileSet) -> list[Call]:
    program = box.go_program(toolbox.BUILDIFIER)
    return [Call((program, f"-mode={mode}", f"-lint={lint}", "-warnings=all", "--", *chosen.of(files.STARLARK)))]


def _check_buildifier(box: Toolbox, chosen: FileSet) -> list[Call]:
    return _buildifier(box, "check", "warn", chosen)


def _fix_buildifier(box: Toolbox, chosen: FileSet) -> list[Call]:
    return _buildifier(box, "fix", "fix", chosen)


def _check_jsonnet(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.go_program(toolbox.JSONNET_TOOLS), "check", "-advice", "./turnup fix", "--", *chosen.of(files.JSONNET)))]


def _fix_jsonnet(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.go_program(toolbox.JSONNET_TOOLS), "fix", "--", *chosen.of(files.JSONNET)))]


def _check_gofmt(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.gofmt(), "-d", "--", *chosen.of(files.GO)), silent=True)]


def _fix_gofmt(box: Toolbox, chosen: FileSet) -> list[Call]:
    return [Call((box.gofmt(), "-w", "--", *chosen.of(files.GO)))]


def _check_vet(box: Toolbox, chosen: FileSet) -> list[Call]:
    """Checks whole modules. A module that has passed is checked again only after a change."""
    calls = []
    for module in chosen.go_modules():
        names = [name for name in chosen.all_of(files.GO) + chosen.all_of(files.MODULE) if name.startswith(f"{module}/")]
        parts = [box.go_version, *(part for name in names for part in (name, (chosen.root / name).read_bytes()))]
        # -composites: the rows of a table need no field names, even if another package declares their type.
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
    Tool("mypy", (files.PYTHON,), _check_mypy, whole=True),
    Tool("buildifier", (files.STARLARK,), _check_buildifier, _fix_buildifier),
    Tool("jsonnetfmt", (files.JSONNET,), _check_jsonnet, _fix_jsonnet),
    Tool("gofmt", (files.GO,), _check_gofmt, _fix_gofmt),
    Tool("go vet", (files.GO, files.MODULE), _check_vet, whole=True),
    Tool("shellcheck", (files.SHELL, files.TEMPLATE), _check_shell),
)
