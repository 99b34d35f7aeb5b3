"""Common parts of gojsonnet and jsonnet: calling convention, number format, error format."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from rules.jsonnet.tools.engines import locations
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.engines.paths import workspace_path

# A number at the end of a line: after a field's name, or alone in an array. Small integers don't match, because every
# engine prints them the same way.
_NUMBER = re.compile(r'(?m)^( *(?:"(?:[^"\\]|\\.)*": )?)(-?(?:\d+[.e]|\d{16})[\d.e+-]*)(?=,?$)')

# Names of files, external variables and top-level arguments; the reference implementation writes `tla:NAME`.
_FILE = r"(?:<[^>\t\n]*>|tla:[^\t\n:]+|[^\t\n:]+)"
_LOCATION = re.compile(rf"^{_FILE}:(?:\(\d+:\d+\)-\(\d+:\d+\)|\d+:\d+(?:-\d+)?)(?=[\t :]|$)")
_STATIC = re.compile(rf"^(?P<location>{_FILE}:(?:\(\d+:\d+\)-\(\d+:\d+\)|\d+:\d+(?:-\d+)?)):? (?P<what>.*)", re.DOTALL)
# Frames inside the standard library, which no editor can open.
_STANDARD_LIBRARY = ("<std>:", "std.jsonnet:")
_REMARKS = {"During manifestation", "During evaluation"}


def evaluate(call: Call, snippet: Callable[..., str]) -> str:
    """Evaluates a program.

    Args:
        call: the program with its imports and variables.
        snippet: the engine's function evaluate_snippet.

    Returns:
        The value as JSON in the format of rules.jsonnet.tools.outputs, with numbers as rjsonnet prints them.

    Raises:
        BaseException: whatever the engine raises; `parse_error` parses its text.
    """

    def resolve(folder: str, name: str) -> tuple[str, bytes]:
        path, text = call.resolve(folder, name)
        return path, text.encode(errors="surrogateescape")

    path, text = call.resolve("", workspace_path(call.src))
    value = snippet(
        path,
        text,
        max_stack=call.max_stack,
        max_trace=0,  # all frames: the caller shortens the stack trace
        import_callback=resolve,
        ext_vars=call.ext_vars,
        ext_codes=call.ext_codes,
        tla_vars=call.tla_vars,
        tla_codes=call.tla_codes,
    )
    return _NUMBER.sub(lambda match: match[1] + _shortest(match[2]), value.rstrip("\n"))


def _shortest(number: str) -> str:
    """Returns the shortest decimal form without an exponent that parses to the same number."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_error(text: str, call: Call) -> tuple[list[str], list[str]]:
    """Splits the text of an error into message and stack trace.

    Args:
        text: the error as the engine reported it.
        call: parameters of the evaluation.

    Returns:
        Lines of the message, and lines of the stack trace, indented by four spaces.
    """
    message, stack = _parts(text)
    texts = call.texts()
    return message, [locations.from_bytes(frame, texts) for frame in stack]


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Returns the result of `parse_error`, with columns in bytes, as the engine counts them."""
    if text.startswith("(CRASH) "):  # go-jsonnet's own stack follows
        crash = text.removeprefix("(CRASH) ").split("\n")[0]
        return [f"go-jsonnet crashed: {crash}; change the program, and report it to go-jsonnet"], []
    if not text.startswith("RUNTIME ERROR: "):
        static = text.removeprefix("STATIC ERROR: ")
        match = _STATIC.match(static)
        # After an empty line go-jsonnet shows the source.
        what = (match["what"] if match else static).split("\n\n")[0].strip()
        return ["static error: " + what], [f"    {_location(match['location'])}"] if match else []
    lines = text.removeprefix("RUNTIME ERROR: ").rstrip("\n").split("\n")
    # Frames are the last lines that start with a tab; a message may have several lines too.
    first = len(lines)
    while first > 1 and lines[first - 1].startswith("\t"):
        first -= 1
    return ["runtime error: " + lines[0], *lines[1:first]], [frame for line in lines[first:] for frame in _frame(line)]


def has_location(message: list[str], stack: list[str]) -> bool:
    """Returns True, because these engines always report the location of an error.

    Args:
        message: lines of the message, from `parse_error`.
        stack: lines of the stack trace, from `parse_error`.

    Returns:
        True.
    """
    return True


def _location(text: str) -> str:
    """Returns a location of the engine in the form that editors understand."""
    named = re.sub(r"^tla:([^:]+)", r"<top-level-arg:\1>", text)
    return re.sub(r"\((\d+:\d+)\)-\((\d+:\d+)\)", r"\1-\2", named)


def _frame(line: str) -> list[str]:
    """Returns the line for a frame of the engine's stack trace; an empty list for a remark or a frame to omit."""
    words = line.strip("\t ")
    if not words or words in _REMARKS or words.startswith(_STANDARD_LIBRARY):
        return []
    match = _LOCATION.match(words)
    if not match:
        return ["    " + words.replace("\t", " ")]
    what = words[match.end() :].strip("\t ")
    return [f"    {_location(match[0])}" + (f": {what}" if what else "")]
