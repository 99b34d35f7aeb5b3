"""Request for one rendering, parsed from the action's arguments.

Every argument has the form `--flag=value`. Values with arbitrary text are JSON
(`--ext_str=["name","text"]`), because a parameter file has one argument per line,
and Jsonnet code can have several lines.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rules.jsonnet.tools.errors import UsageError

# The default of jsonnet; a deeper stack is probably an infinite recursion.
DEFAULT_MAX_STACK = 500
DEFAULT_MAX_TRACE = 20

# Default limits of a rendering, the same as the flags of //rules/jsonnet.
DEFAULT_TIMEOUT_S = 600
DEFAULT_MEMORY_MIB = 4096

ENGINES = ("gojsonnet", "rjsonnet", "jsonnet")
"""Names of the engines, the default first."""

# The value of --encoding that the rules send.
_PROBE = "é"


@dataclass(frozen=True)
class Binding:
    """One external variable or top-level argument.

    Attributes:
        target: `ext` for an external variable, `tla` for a top-level argument.
        code: True if the value is Jsonnet code, False if it is a string.
        source: source of the value: `value` (the text itself), `file`
            (contents of a declared input) or `env` (environment variable).
        name: name of the variable or argument.
        value: the text, the path of the input, or the name of the environment variable.
    """

    target: str
    code: bool
    source: str
    name: str
    value: str


@dataclass
class Request:
    """One rendering.

    Paths are relative to the working directory, which is Bazel's execution root,
    or the runfiles of a test.

    Attributes:
        label: label of the Bazel target, for messages; empty if there is none.
        engine: name of the engine, one of ENGINES.
        src: path of the program.
        outs: files to write. With `multiple`, field names are relative to the deepest
            folder that contains all of them.
        out_dir: folder to write to, instead of `outs`; empty if not used.
        multiple: True if the value is an object of `{file name: content}`.
        yaml_stream: True if the value is an array, written as YAML documents.
        string: True if the value (with `multiple`: each field) is a string, written unchanged.
        max_stack: maximum number of stack frames.
        max_trace: maximum number of lines in a stack trace; 0 for all.
        timeout_s: maximum duration in seconds; rules.jsonnet.tools.worker enforces it.
        memory_mib: maximum resident memory of the evaluator in MiB; rules.jsonnet.tools.worker enforces it.
        inputs: all files that the program may import.
        imports: folders to search after the importing file's folder and before the workspace root.
        bindings: external variables and top-level arguments.
        stamp_keys: names of bindings in which `{KEY}` is replaced from the workspace status.
        stamp_files: workspace status files.
        outcome: file for exit code, message and value, instead of any output;
            empty if not used.
        advice: name of a top-level argument -> what to do about a field that it does not have; `{field}` stands for the field.
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
    advice: dict[str, str] = field(default_factory=dict)


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
    """Returns the map of flag to (target, code, source) for every kind of binding."""
    flags = {}
    for target in ("ext", "tla"):
        for kind, code in (("str", False), ("code", True)):
            flags[f"{target}_{kind}"] = (target, code, "value")
            flags[f"{target}_{kind}_file"] = (target, code, "file")
            flags[f"{target}_{kind}_env"] = (target, code, "env")
    return flags


_BINDINGS = _binding_flags()


def expand(argv: Sequence[str]) -> list[str]:
    """Replaces each `@file` with the lines of that file.

    For a worker, Bazel expands parameter files itself. Otherwise the tool does it.

    Args:
        argv: arguments, some of which may be `@path`.

    Returns:
        The arguments with all parameter files expanded.

    Raises:
        UsageError: a parameter file can't be read.
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
            raise UsageError(f"{argument[1:]}: can't read this parameter file ({error}); write it as UTF-8 text, one argument per line") from error
    return arguments


def peek(arguments: Sequence[str], flag: str, default: str = "") -> str:
    """Returns the value of one argument, without parsing the others.

    Args:
        arguments: arguments of one rendering; parameter files need not be expanded.
        flag: name of the flag, without dashes.
        default: value if the flag is missing.

    Returns:
        The value of the flag.
    """
    with contextlib.suppress(UsageError):  # the rendering itself reports it
        arguments = expand(arguments)
    prefix = f"--{flag}="
    return next((argument.removeprefix(prefix) for argument in arguments if argument.startswith(prefix)), default)


def _pair(flag: str, value: str) -> tuple[str, str]:
    """Returns the [name, value] pair of a binding's argument."""
    try:
        name, text = json.loads(value)
    except (ValueError, TypeError) as error:
        raise UsageError(f'--{flag}: {value!r} is not a JSON pair; write ["name","value"]') from error
    return str(name), str(text)


def repair_encoding(arguments: Sequence[str]) -> list[str]:
    """Undoes Bazel 4's double encoding of parameter files.

    Bazel 4 stores text as one character per byte and encodes that as UTF-8 in the
    parameter files of actions. Newer versions write the bytes themselves, and so do
    both for files that a rule writes. The rules send a known character along, which
    shows the encoding.

    Args:
        arguments: arguments; those of a rule include `--encoding=é`.

    Returns:
        The arguments as in the BUILD file, without `--encoding`.

    Raises:
        UsageError: the known character arrived as something else.
    """
    flag = next((argument for argument in arguments if argument.startswith("--encoding=")), None)
    rest = [argument for argument in arguments if argument != flag]
    if flag in (None, f"--encoding={_PROBE}"):
        return rest
    if flag != "--encoding=" + _PROBE.encode().decode("latin-1"):
        raise UsageError(f"the arguments have an unknown encoding ({flag!r}); write the parameter file as UTF-8")
    return [_once(argument) for argument in rest]


def _once(argument: str) -> str:
    """Decodes an argument that Bazel has encoded twice."""
    try:
        return argument.encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise UsageError(f"the BUILD file has text that is not UTF-8, in {argument!r}; save the file as UTF-8") from error


def parse(arguments: Sequence[str]) -> Request:
    """Parses a request.

    Args:
        arguments: `--flag=value` arguments, without parameter files.

    Returns:
        The request.

    Raises:
        UsageError: an argument is unknown or malformed, or `--src` is missing.
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
        elif flag == "advice" and equals:
            request.advice.update([_pair(flag, value)])
        elif flag in _BINDINGS and equals:
            target, code, source = _BINDINGS[flag]
            name, text = (value, value) if source == "env" else _pair(flag, value)
            request.bindings.append(Binding(target, code, source, name, text))
        else:
            raise UsageError(f"unknown or malformed argument {argument!r}; see rules/jsonnet/README.md")
    if not request.src:
        raise UsageError("there is no program; add --src=FILE")
    return request
