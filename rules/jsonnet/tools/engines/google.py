"""What gojsonnet and jsonnet have in common: calling convention, number printing, form of errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from rules.jsonnet.tools.engines import places
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.imports import workspace_path

# The end of a line that holds a number: after its field's name, or alone in an array. Small whole numbers, which every
# engine prints the same, do not match.
_NUMBER = re.compile(r'(?m)^( *(?:"(?:[^"\\]|\\.)*": )?)(-?(?:\d+[.e]|\d{16})[\d.e+-]*)(?=,?$)')

# Code of a variable or an argument has a name of its own; the reference implementation writes `tla:NAME`.
_FILE = r"(?:<[^>\t\n]*>|tla:[^\t\n:]+|[^\t\n:]+)"
_PLACE = re.compile(rf"^{_FILE}:(?:\(\d+:\d+\)-\(\d+:\d+\)|\d+:\d+(?:-\d+)?)(?=[\t :]|$)")
_STATIC = re.compile(rf"^(?P<place>{_FILE}:(?:\(\d+:\d+\)-\(\d+:\d+\)|\d+:\d+(?:-\d+)?)):? (?P<what>.*)", re.DOTALL)
# Frames inside the engine's own library, which no editor can open.
_OWN = ("<std>:", "std.jsonnet:")
_REMARKS = {"During manifestation", "During evaluation"}


def evaluate(call: Call, snippet: Callable[..., str]) -> str:
    """Evaluates a program.

    Args:
        call: The program with its imports and variables.
        snippet: The package's evaluate_snippet.

    Returns:
        The value as JSON in the form of rules.jsonnet.tools.outputs, numbers as rjsonnet prints them.

    Raises:
        BaseException: Whatever the engine raises, for `shape` to read.
    """

    def resolve(folder: str, name: str) -> tuple[str, bytes]:
        path, text = call.resolve(folder, name)
        return path, text.encode(errors="surrogateescape")

    path, text = call.resolve("", workspace_path(call.src))
    value = snippet(
        path,
        text,
        max_stack=call.max_stack,
        max_trace=0,  # everything: the caller shortens
        import_callback=resolve,
        ext_vars=call.ext_vars,
        ext_codes=call.ext_codes,
        tla_vars=call.tla_vars,
        tla_codes=call.tla_codes,
    )
    return _NUMBER.sub(lambda match: match[1] + _shortest(match[2]), value.rstrip("\n"))


def _shortest(number: str) -> str:
    """Returns a number's shortest digits that read back as the same number, without an exponent."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def shape(text: str, call: Call) -> tuple[list[str], list[str]]:
    """Takes an error's text apart.

    Args:
        text: What the engine said.
        call: What it was called with.

    Returns:
        Lines of the message, and lines of the stack, indented by four spaces.
    """
    message, stack = _parts(text)
    texts = call.texts()
    return message, [places.from_bytes(frame, texts) for frame in stack]


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Returns what `shape` does, with columns as the engine counts them."""
    if not text.startswith("RUNTIME ERROR: "):
        static = text.removeprefix("STATIC ERROR: ")
        match = _STATIC.match(static)
        # After an empty line go-jsonnet quotes the source.
        what = (match["what"] if match else static).split("\n\n")[0].strip()
        return ["static error: " + what], [f"    {_place(match['place'])}"] if match else []
    lines = text.removeprefix("RUNTIME ERROR: ").rstrip("\n").split("\n")
    # Frames are the lines at the end that start with a tab; a message may have several lines too.
    first = len(lines)
    while first > 1 and lines[first - 1].startswith("\t"):
        first -= 1
    return ["runtime error: " + lines[0], *lines[1:first]], [frame for line in lines[first:] for frame in _frame(line)]


def exact(message: list[str], stack: list[str]) -> bool:
    """Says whether the stack begins where the error is: always, as far as these engines know it.

    Args:
        message: Lines as `shape` returns them.
        stack: Lines as `shape` returns them.

    Returns:
        True.
    """
    return True


def _place(text: str) -> str:
    """Returns `file:line:column` at the start of the text in the form that editors read."""
    named = re.sub(r"^tla:([^:]+)", r"<top-level-arg:\1>", text)
    return re.sub(r"\((\d+:\d+)\)-\((\d+:\d+)\)", r"\1-\2", named)


def _frame(line: str) -> list[str]:
    """Returns the stack line for one of the engine's, or none."""
    words = line.strip("\t ")
    if not words or words in _REMARKS or words.startswith(_OWN):
        return []
    match = _PLACE.match(words)
    if not match:
        return ["    " + words.replace("\t", " ")]
    what = words[match.end() :].strip("\t ")
    return [f"    {_place(match[0])}" + (f": {what}" if what else "")]
