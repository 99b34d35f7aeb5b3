"""rjsonnet, the Rust implementation: the default engine, and by far the fastest.

Its garbage collector costs more than the evaluation of a small program, so it
stays off and the process that evaluates is replaced when it has grown
(rules.jsonnet.tools.worker).
"""

from __future__ import annotations

import json
import posixpath
import re

import rjsonnet

from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.imports import workspace_path

# Its callback returns text.
binary = False

# A line of the stack: four spaces, then `file:line:column` or a remark.
_STACK_LINE = re.compile(r"^ {4}\S")
# The frames that stand where the error is. Others (calls, fields) only lead there: an error of an operator, an index
# or a missing field has no frame of its own.
_EXACT = re.compile(r"^ {4}[^<>:]+:\d+:\d+(?:-[\d:]+)?(?:$|: +(?:error statement|assertion failure|variable <|import |field <\S+> initializ))")
_PAD = re.compile(r"(?m)^(?: {4})+")
# The reference implementation escapes these, rjsonnet does not.
_CONTROL = re.compile("[\x7f-\x9f]")


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _readable(path: str, text: str, known: list[str]) -> str:
    """Returns a file's text as rjsonnet can read it: it does not know the escape `\\/`, which JSON encoders write.

    Only a file that is JSON is changed, and none that one of the known texts reads as text: rjsonnet keeps one text a file.
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
    # In JSON a backslash stands only inside strings.
    return _ESCAPE.sub(lambda match: "/" if match[1] == "/" else match[0], text)


def evaluate(call: Call) -> str:
    """Evaluates a program.

    Args:
        call: The program with its imports and variables.

    Returns:
        The value as JSON in the form of rules.jsonnet.tools.outputs.

    Raises:
        BaseException: Whatever the engine raises, for `shape` to read; a panic is no Exception.
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
        gc=False,  # type: ignore[call-arg]  # the package's stub lacks it
        ext_vars=call.ext_vars,
        ext_codes=call.ext_codes,
        tla_vars=call.tla_vars,
        tla_codes=call.tla_codes,
    )
    if not text.isascii() or "\x7f" in text:
        text = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    # A line breaks only between the parts of a value, never inside a string: four spaces a level become three.
    return _PAD.sub(lambda match: match[0][: len(match[0]) // 4 * 3], text)


def shape(text: str) -> tuple[list[str], list[str]]:
    """Takes an error's text apart.

    Args:
        text: What the engine said.

    Returns:
        Lines of the message, and lines of the stack, indented by four spaces.
    """
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if i and _STACK_LINE.match(line)), len(lines))
    return lines[:first], lines[first:]


def exact(stack: list[str]) -> bool:
    """Says whether the stack begins where the error is.

    Args:
        stack: Lines as `shape` returns them.

    Returns:
        False where another engine should be asked for the place (rules.jsonnet.tools.second_look).
    """
    return bool(stack) and _EXACT.match(stack[0]) is not None
