"""Renders the test programs of go-jsonnet in the worker of an engine, and compares with their golden files."""

from __future__ import annotations

import itertools
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rules.jsonnet.tools import memory
from rules.jsonnet.tools.compare import difference
from rules.jsonnet.tools.engines import locations
from rules.jsonnet.tools.errors import printable

# Variables that the programs with "extvar" in their names read, as go-jsonnet's own test sets them.
_VARIABLES = [
    ("str", "stringVar", "2 + 2"),
    ("code", "codeVar", "3 + 3"),
    ("code", "errorVar", "error 'xxx'"),
    ("code", "staticErrorVar", ")"),
    ("code", "UndeclaredX", "x"),
    ("code", "selfRecursiveVar", '[42, std.extVar("selfRecursiveVar")[0] + 1]'),
    ("code", "mutuallyRecursiveVar1", '[42, std.extVar("mutuallyRecursiveVar2")[0] + 1]'),
    ("code", "mutuallyRecursiveVar2", '[42, std.extVar("mutuallyRecursiveVar1")[0] + 1]'),
]
_RULE = "-" * 49 + "\n"
_FRAME = re.compile(r"^\t(?!<std>)((?:testdata/|<)[^\t\n]*:[\d():-]+)", re.MULTILINE)
_STATIC = re.compile(r"^((?:testdata/|<)[^\n]*?:[\d():-]+) ")


@dataclass
class Program:
    """A test program.

    Attributes:
        name: its name, without folder and suffix.
        text: the program.
        golden: the expected value as text, or error; for several outputs, by file name.
    """

    name: str
    text: str
    golden: str | dict[str, str]

    @property
    def string(self) -> bool:
        """Whether its value is text and not JSON."""
        return self.name.endswith("_string_output")


def unpack(module: Path, folder: Path) -> list[Program]:
    """Unpacks the test programs of a Go module.

    Args:
        module: the module's zip file.
        folder: the folder to which `testdata/` is written; a program's file has no suffix, as in the golden files.

    Returns:
        The programs.
    """
    (folder / "testdata").mkdir()
    programs: dict[str, str] = {}
    goldens: dict[str, str | dict[str, str]] = {}
    with zipfile.ZipFile(module) as archive:
        for name in archive.namelist():
            _, _, path = name.partition("/testdata/")
            # The module's root is MODULE@VERSION.
            if "/" in name.partition("@")[2].partition("/testdata/")[0] or not path or path.startswith("cpp-tests-override/"):
                continue
            if path.endswith(".linter.golden"):
                continue
            content = archive.read(name)
            program, golden, part = path.partition(".golden")
            if golden and part:
                parts = goldens.setdefault(program, {})
                assert isinstance(parts, dict)
                parts[part.removeprefix("/")] = content.decode()
            elif golden:
                goldens[program] = content.decode()
            else:
                (folder / "testdata" / path).write_bytes(content)
                if path.endswith(".jsonnet"):
                    programs[path.removesuffix(".jsonnet")] = content.decode()
    for name, text in programs.items():
        (folder / "testdata" / name).write_text(text, newline="")
    return [Program(name, text, goldens[name]) for name, text in sorted(programs.items()) if name in goldens]


def _arguments(program: Program, folder: Path) -> list[str]:
    """Returns the arguments of the rendering, as jsonnet_to_json passes them."""
    words = [f"--label=//:{program.name}", f"--src=testdata/{program.name}", "--max_trace=0"]
    words += [f"--input=testdata/{path.name}" for path in (folder / "testdata").iterdir() if path.name in program.text]
    if program.name.startswith("extvar_"):
        words += [f"--ext_{kind}={json.dumps([name, value])}" for kind, name, value in _VARIABLES]
    if program.string:
        words.append("--string")
    if isinstance(program.golden, dict):
        return [*words, "--multiple", *(f"--out=out/{name}" for name in program.golden)]
    return [*words, "--out=out/value"]


def _value(text: str) -> object:
    """Returns a JSON value; every number is a double, as in Jsonnet."""
    return json.loads(text, parse_int=float)


def _same(program: Program, golden: str, written: str) -> bool:
    """Returns whether an output is the expected one: the same text, or the same JSON value."""
    return golden.rstrip("\n") == written.rstrip("\n") if program.string else not difference(_value(golden), _value(written))


def _is_error(program: Program) -> bool:
    """Returns whether the golden file has an error."""
    if isinstance(program.golden, dict) or program.string:
        return False
    try:
        json.loads(program.golden)
    except ValueError:
        return True
    return False


def _expected_error(golden: str) -> tuple[str, str]:
    """Returns message and location of a golden error."""
    if golden.startswith("RUNTIME ERROR: "):
        message, _, stack = golden.removeprefix("RUNTIME ERROR: ").partition(_RULE)
        frame = _FRAME.search(stack)
        return "runtime error: " + message.rstrip("\n"), frame[1] if frame else ""
    static = _STATIC.match(golden)
    return "static error: " + golden[static.end() if static else 0 :].split("\n\n", maxsplit=1)[0], static[1] if static else ""


def _frame_of(location: str, program: Program) -> str:
    """Returns a location of go-jsonnet, which counts bytes, as these rules write it."""
    line = re.sub(r"\((\d+:\d+)\)-\((\d+:\d+)\)", r"\1-\2", location)
    return locations.from_bytes("    " + line, {f"testdata/{program.name}": program.text}).strip()


def judge(program: Program, response: dict[str, object], folder: Path, *, errors: bool) -> str:
    """Compares a response of the worker with the golden file.

    Args:
        program: the program.
        response: the worker's response.
        folder: the working directory of the worker.
        errors: True to compare message and location of an error as well.

    Returns:
        "" if they agree, otherwise "another value", "another error", "refused", "accepted" or "no answer".
    """
    output = str(response["output"])
    if response["exitCode"]:
        # Which of these comes first depends on the machine.
        if re.search("engine died|did not finish|MiB of memory", output):
            return "no answer"
        if not _is_error(program):
            return "refused"
        assert isinstance(program.golden, str)
        message, location = _expected_error(program.golden)
        lines = output.split("\n")
        found = "\n".join(itertools.takewhile(lambda line: not line.startswith("    "), lines)).rstrip("\n")
        frame = next((line for line in lines if line.startswith("    ")), "")
        same = found == f"ERROR: //:{program.name}: {printable(message)}" and frame.strip().startswith(_frame_of(location, program))
        return "" if same or not errors else "another error"
    if _is_error(program):
        return "accepted"
    goldens = program.golden if isinstance(program.golden, dict) else {"value": program.golden}
    return "" if all(_same(program, golden, (folder / "out" / name).read_text()) for name, golden in goldens.items()) else "another value"


def run(programs: list[Program], folder: Path, engine: str, *, errors: bool) -> Iterator[tuple[str, str, str]]:
    """Renders programs in one worker.

    Args:
        programs: the programs.
        folder: the folder with their files.
        engine: name of the engine.
        errors: True to compare message and location of an error as well.

    Yields:
        Name, difference and the worker's output for each program that differs from its golden file.
    """
    with memory.Worker(folder, engine, "--timeout=60") as worker:
        for program in programs:
            response = worker.request(_arguments(program, folder))
            if found := judge(program, response, folder, errors=errors):
                yield program.name, found, str(response["output"])
