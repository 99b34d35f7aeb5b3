"""rjsonnet, the Rust implementation: by far the fastest engine, but it differs from the others (rules/jsonnet/README.md).

Garbage collection costs more than the evaluation of a small program, so it is
off, and rules.jsonnet.tools.worker replaces the evaluating process when it has
grown.
"""

from __future__ import annotations

import json
import posixpath
import re

import rjsonnet

from rules.jsonnet.tools.engines import locations
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.engines.paths import workspace_path

# The import callback returns text.
BINARY = False

# A line of the stack trace: four spaces, then `file:line:column` or a remark.
_STACK_LINE = re.compile(r"^ {4}\S")
# Frames at the location of the error. Other frames (calls, fields) only lead there: an error of an operator, an index
# or a missing field has no frame.
_AT_ERROR = re.compile(r"^ {4}(?:<[^>]*>|[^<>:]+):\d+:\d+(?:-[\d:]+)?(?:$|: +(?:error statement|assertion failure|variable <|import |field <\S+> initializ))")
# The only error at a variable's location; other errors are in the code that computes its value.
_UNDEFINED = "variable is not defined: "
_SYNTAX = "syntax error: "
# The message for a syntax error in the code of a top-level argument.
_TLA_SYNTAX = re.compile(r"^error at \d+:\d+: ")
_SYNTAX_LOCATION = re.compile(r"^ {4}code:(\d+):(\d+)")
_GOT = re.compile(r'(?<= got )"[^ ]+"$|(?<= got )" "$')
_PARSED = "function(unset) "
_PAD = re.compile(r"(?m)^(?: {4})+")
# The reference implementation escapes these, rjsonnet does not.
_CONTROL = re.compile("[\x7f-\x9f]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _readable(path: str, text: str, known: list[str]) -> str:
    r"""Returns a file's text without the escape `\\/`, which JSON encoders write and rjsonnet does not support.

    Only JSON files are changed, and none that one of the known texts imports as text, because rjsonnet keeps one text per file.
    """
    if not path.endswith(".json") or "\\/" not in text:
        return text
    as_text = re.compile(r"importstr\s*@?['\"][^'\"\n]*" + re.escape(posixpath.basename(path)))
    if any(as_text.search(other) for other in known):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    # In JSON a backslash occurs only inside strings.
    return _ESCAPE.sub(lambda match: "/" if match[1] == "/" else match[0], text)


def evaluate(call: Call) -> str:
    """Evaluates a program.

    Args:
        call: the program with its imports and variables.

    Returns:
        The value as JSON in the format of rules.jsonnet.tools.outputs.

    Raises:
        BaseException: whatever the engine raises; `parse_error` parses its text. A panic is not an Exception.
    """
    known = [*call.ext_codes.values(), *call.tla_codes.values()]

    def resolve(folder: str, name: str) -> tuple[str, str]:
        path, text = call.resolve(folder, name)
        known.append(text)
        return path, _readable(path, text, known)

    text = rjsonnet.evaluate_file(
        workspace_path(call.src),
        import_callback=resolve,
        max_stack=call.max_stack,
        gc=False,  # type: ignore[call-arg]  # the package's stub lacks this parameter
        ext_vars=call.ext_vars,
        ext_codes=call.ext_codes,
        tla_vars=call.tla_vars,
        tla_codes=call.tla_codes,
    )
    if not text.isascii() or "\x7f" in text:
        text = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    # Lines break only between the parts of a value, never inside a string, so four spaces per level can become three.
    return _PAD.sub(lambda match: match[0][: len(match[0]) // 4 * 3], text)


def _syntax_error(name: str, code: str) -> tuple[str, str] | None:
    """Returns message and location of a syntax error; None if the code parses.

    The code is only parsed: it becomes the body of a function that is never called. Spaces after it make sure that every
    byte offset in it is also a valid character offset, as which rjsonnet uses it.
    """
    padded = _PARSED + code + "\n" + " " * (len(code.encode()) - len(code))
    try:
        rjsonnet.evaluate_file("code", import_callback=lambda folder, path: ("code", padded), gc=False)  # type: ignore[call-arg]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # rjsonnet raises a panic of its Rust code as a BaseException
        message, *stack = str(error).split("\n")
        location = _SYNTAX_LOCATION.match(stack[0]) if stack and message.startswith(_SYNTAX) else None
        if location:
            lines = padded.split("\n")[: int(location[1]) - 1] if int(location[1]) else [padded]
            offset = sum(len(line) + 1 for line in lines) + int(location[2]) - 1 - len(_PARSED)
            line, column = locations.position(code.encode(), offset)
            # rjsonnet looks up the unexpected character by the wrong offset, too.
            got = code.encode()[offset:].decode(errors="ignore")[:1] or "EOF"
            message = _GOT.sub(lambda match: json.dumps(got, ensure_ascii=False), message)
            return message, f"    {name}:{line}:{column}"
    return None


def parse_error(text: str, call: Call) -> tuple[list[str], list[str]]:
    """Splits the text of an error into message and stack trace.

    Args:
        text: the error as the engine reported it.
        call: parameters of the evaluation.

    Returns:
        Lines of the message, and lines of the stack trace, indented by four spaces.
    """
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if i and _STACK_LINE.match(line)), len(lines))
    message, stack = lines[:first], lines[first:]
    if _TLA_SYNTAX.match(message[0]) or (message[0].startswith(_SYNTAX) and not stack):
        # The error does not say which variable or argument has the syntax error.
        for name, code in call.codes().items():
            if found := _syntax_error(name, code):
                return [found[0]], [found[1]]
    texts = call.texts()
    if message[0].startswith(_SYNTAX) and stack:
        name = stack[0].strip().partition(":")[0]
        if not texts.get(name, "").isascii() and (found := _syntax_error(name, texts[name])):
            return [found[0]], [found[1], *(locations.from_rjsonnet(frame, texts) for frame in stack[1:])]
    return message, [locations.from_rjsonnet(frame, texts) for frame in stack]


def has_location(message: list[str], stack: list[str]) -> bool:
    """Returns whether the stack trace starts at the location of the error.

    Args:
        message: lines of the message, from `parse_error`.
        stack: lines of the stack trace, from `parse_error`.

    Returns:
        False if another engine must find the location (rules.jsonnet.tools.error_location).
    """
    if not stack or not _AT_ERROR.match(stack[0]) or any(map(locations.lacks_column, stack)):
        return False
    return ": variable <" not in stack[0] or message[0].startswith(_UNDEFINED)
