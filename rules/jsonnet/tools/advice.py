"""What the stack trace of an error leaves out: the place in the user's own program, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# The engines' messages for a field that an object does not have.
_NO_FIELD = re.compile(r"(?:no such field|[Ff]ield does not exist): (?P<field>.+)$")
_LOCATION = re.compile(r"^ {4}(?P<file>[^:]+):(?P<first>\d+):\d+(?:-(?P<last>\d+):\d+)?(?:-\d+)?(?:$|:)")
_RAISED = "runtime error: "
# A library names a parameter in quotes.
_QUOTED = re.compile(r"'([^'\s]+)'")
_MOST_PLACES = 3


def missing_field(message: str, stack: Sequence[str], texts: Mapping[str, str], advice: Mapping[str, str]) -> str:
    """Returns what to do if a program reads a field that one of its top-level arguments does not have.

    Args:
        message: first line of the engine's message.
        stack: lines of its stack trace, innermost first.
        texts: file name -> text of each file of the program.
        advice: name of a top-level argument -> what to do; `{field}` stands for the field.

    Returns:
        The sentence; "" if the message is another one, or the innermost line does not read such a field.
    """
    found, place = _NO_FIELD.search(message), _LOCATION.match(stack[0]) if stack else None
    if found is None or place is None:
        return ""
    lines = texts.get(place["file"], "").split("\n")[int(place["first"]) - 1 : int(place["last"] or place["first"])]
    field = found["field"]
    for argument, sentence in advice.items():
        read = rf"""\b{re.escape(argument)}\s*(?:\.\s*{re.escape(field)}\b|\[\s*(['"]){re.escape(field)}\1\s*\])"""
        if re.search(read, "\n".join(lines)):
            return sentence.replace("{field}", field)
    return ""


def places_of_parameter(message: str, stack: Sequence[str], src: str, text: str) -> list[str]:
    """Returns where a program sets the parameter that a library rejected, if the stack trace does not lead to the program.

    A function of a library has often returned when its result is evaluated, so the program that called it is not in the stack.

    Args:
        message: first line of the engine's message.
        stack: lines of its stack trace.
        src: file name of the program.
        text: the program.

    Returns:
        Up to three lines for the end of the stack trace; empty if the trace has the program, or the parameter is not in it.
    """
    if not message.startswith(_RAISED) or any(line.strip().startswith(f"{src}:") for line in stack):
        return []
    for name in _QUOTED.findall(message):
        for part in (name, name.rpartition(".")[2]):
            key = rf"""(?:(?<![\w.'"]){re.escape(part)}|(['"]){re.escape(part)}\1)\s*\+?:"""
            found = [number for number, line in enumerate(text.split("\n"), 1) if re.search(key, _without_comment(line))]
            if found:
                return [f"    {src}:{number}: {part}" for number in found[:_MOST_PLACES]]
    return []


def _without_comment(line: str) -> str:
    """Returns a line without a comment that is not inside a string."""
    strings = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
    return re.sub(rf"({strings})|(?://|#).*$", lambda match: match[1] or "", line)
