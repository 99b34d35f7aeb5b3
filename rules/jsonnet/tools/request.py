"""What one rendering asks for, read from the action's arguments.

Every argument has the form `--flag=value`. Values that may hold any text come
as JSON (`--ext_str=["name","text"]`), because a parameter file has one argument
a line and Jsonnet code may well have several lines.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rules.jsonnet.tools.errors import UsageError

# The engine's own default; a library deeper than this recurses without end.
DEFAULT_MAX_STACK = 500
DEFAULT_MAX_TRACE = 20

# What a rendering may take where the arguments do not say it; the same as the flags of //rules/jsonnet.
DEFAULT_TIMEOUT_S = 600
DEFAULT_MEMORY_MIB = 4096

ENGINES = ("rjsonnet", "gojsonnet", "jsonnet")
"""The engines by name, the default first."""

# What the rules send as --encoding.
_PROBE = "é"


@dataclass(frozen=True)
class Binding:
    """One external variable or top-level argument.

    Attributes:
        target: `ext` for `std.extVar`, `tla` for an argument of the top-level function.
        code: True when the value is Jsonnet code, False when it is a string.
        source: Where the value comes from: `value` (given here), `file`
            (contents of a declared input) or `env` (environment variable).
        name: Name of the variable or argument.
        value: The text itself, the input's path, or the environment variable's name.
    """

    target: str
    code: bool
    source: str
    name: str
    value: str


@dataclass
class Request:
    """One rendering.

    Paths are relative to the working directory, which is Bazel's execution root
    (or the runfiles folder of a test).

    Attributes:
        label: The Bazel target, for messages; empty when there is none.
        engine: What evaluates, one of ENGINES.
        src: The program.
        outs: The files to write; the deepest folder that all are in is the base
            of the names in a multiple output.
        out_dir: The folder to fill in place of `outs`; empty when not used.
        multiple: The program's value is an object of `{file name: content}`.
        yaml_stream: The program's value is an array, written as YAML documents.
        string: The value (or each value, with `multiple`) is a string, written as it is.
        max_stack: How many frames the engine allows.
        max_trace: How many stack lines an error shows; 0 for all.
        timeout_s: How many seconds the rendering may take; rules.jsonnet.tools.worker ends it then.
        memory_mib: How many MiB the process that evaluates may hold; likewise.
        inputs: All files that imports may reach.
        imports: Folders searched after the importing file's own and before the workspace root.
        bindings: External variables and top-level arguments.
        stamp_keys: Names of bindings whose `{KEY}` parts the workspace status fills.
        stamp_files: The workspace status files.
        outcome: A file for what came of it, failures too, in place of any output;
            empty when not used.
    """

    label: str = ""
    engine: str = ENGINES[0]
    src: str = ""
    outs: list[str] = field(default_factory=list)
    out_dir: str = ""
    multiple: bool = False
    yaml_stream: bool = False
    string: bool = False
    max_stack: int = DEFAULT_MAX_STACK
    max_trace: int = DEFAULT_MAX_TRACE
    timeout_s: int = DEFAULT_TIMEOUT_S
    memory_mib: int = DEFAULT_MEMORY_MIB
    inputs: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    stamp_keys: list[str] = field(default_factory=list)
    stamp_files: list[str] = field(default_factory=list)
    outcome: str = ""


_TEXTS = {"label": "label", "src": "src", "out_dir": "out_dir", "outcome": "outcome"}
_LISTS = {
    "out": "outs",
    "input": "inputs",
    "import": "imports",
    "stamp_key": "stamp_keys",
    "stamp_file": "stamp_files",
}
_SWITCHES = {"multiple": "multiple", "yaml_stream": "yaml_stream", "string": "string"}
_NUMBERS = {"max_stack": "max_stack", "max_trace": "max_trace", "timeout": "timeout_s", "memory": "memory_mib"}


def _binding_flags() -> dict[str, tuple[str, bool, str]]:
    """Returns flag -> (target, code, source) for every kind of binding."""
    flags = {}
    for target in ("ext", "tla"):
        for kind, code in (("str", False), ("code", True)):
            flags[f"{target}_{kind}"] = (target, code, "value")
            flags[f"{target}_{kind}_file"] = (target, code, "file")
            flags[f"{target}_{kind}_env"] = (target, code, "env")
    return flags


_BINDINGS = _binding_flags()


def expand(argv: Sequence[str]) -> list[str]:
    """Replaces each `@file` by that file's lines.

    Bazel expands parameter files itself for a worker, and leaves it to the tool
    otherwise.

    Args:
        argv: Arguments, some of which may be `@path`.

    Returns:
        The arguments with the files' lines in place of their names.

    Raises:
        UsageError: A parameter file cannot be read.
    """
    arguments: list[str] = []
    for argument in argv:
        if not argument.startswith("@"):
            arguments.append(argument)
            continue
        try:
            with open(argument[1:], encoding="utf-8") as file:
                arguments.extend(line for line in file.read().split("\n") if line)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the parameter file {argument[1:]}: {error}") from error
    return arguments


def peek(arguments: Sequence[str], flag: str, default: str = "") -> str:
    """Reads one argument before all are judged, for the process that hands them on.

    Args:
        arguments: Arguments of one rendering, parameter files not yet expanded.
        flag: Its name, without dashes.
        default: What to return where it is not given.

    Returns:
        Its value.
    """
    try:
        arguments = expand(arguments)
    except UsageError:
        pass  # the rendering itself says it
    prefix = f"--{flag}="
    return next((argument.removeprefix(prefix) for argument in arguments if argument.startswith(prefix)), default)


def _pair(flag: str, value: str) -> tuple[str, str]:
    """Returns the [name, value] pair that a binding's argument holds."""
    try:
        name, text = json.loads(value)
    except (ValueError, TypeError) as error:
        raise UsageError(f'--{flag} needs a JSON pair ["name","value"], found {value!r}') from error
    return str(name), str(text)


def repair_encoding(arguments: Sequence[str]) -> list[str]:
    """Undoes Bazel 4's double encoding of parameter files.

    Bazel 4 holds text as one character a byte and writes the parameter files of
    actions as UTF-8 of that; newer ones write the bytes themselves, as do both
    for files that a rule writes. The rules send a known character along, so
    that there is nothing to guess.

    Args:
        arguments: Arguments, `--encoding=é` among them if they come from a rule.

    Returns:
        The arguments as the BUILD file has them, without `--encoding`.

    Raises:
        UsageError: The known character came as something else.
    """
    flag = next((argument for argument in arguments if argument.startswith("--encoding=")), None)
    rest = [argument for argument in arguments if argument != flag]
    if flag in (None, f"--encoding={_PROBE}"):
        return rest
    if flag != "--encoding=" + _PROBE.encode().decode("latin-1"):
        raise UsageError(f"the arguments came in an unknown encoding ({flag!r}); write the parameter file as UTF-8")
    return [_once(argument) for argument in rest]


def _once(argument: str) -> str:
    """Returns an argument that Bazel has encoded twice."""
    try:
        return argument.encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise UsageError(f"the BUILD file has text that is no UTF-8, in {argument!r}; save the file as UTF-8") from error


def parse(arguments: Sequence[str]) -> Request:
    """Reads a request.

    Args:
        arguments: `--flag=value` arguments, parameter files already expanded.

    Returns:
        The request.

    Raises:
        UsageError: An argument is unknown or malformed, or `--src` is missing.
    """
    request = Request()
    for argument in repair_encoding(arguments):
        flag, equals, value = argument.removeprefix("--").partition("=")
        if flag in _LISTS and equals:
            getattr(request, _LISTS[flag]).append(value)
        elif flag == "engine" and value in ENGINES:
            request.engine = value
        elif flag in _TEXTS and equals:
            setattr(request, _TEXTS[flag], value)
        elif flag in _SWITCHES and not equals:
            setattr(request, _SWITCHES[flag], True)
        elif flag in _NUMBERS and value.isdecimal() and (int(value) > 0 or flag == "max_trace"):
            setattr(request, _NUMBERS[flag], int(value))
        elif flag in _BINDINGS and equals:
            target, code, source = _BINDINGS[flag]
            name, text = (value, value) if source == "env" else _pair(flag, value)
            request.bindings.append(Binding(target, code, source, name, text))
        else:
            raise UsageError(f"unknown or malformed argument {argument!r}; see rules/jsonnet/README.md")
    if not request.src:
        raise UsageError("no program given; name it with --src=FILE")
    return request
