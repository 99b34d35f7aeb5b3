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

from rules.jsonnet.tools.engines import places
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.imports import workspace_path

# Its callback returns text.
binary = False

# A line of the stack: four spaces, then `file:line:column` or a remark.
_STACK_LINE = re.compile(r"^ {4}\S")
# The frames that stand where the error is. Others (calls, fields) only lead there: an error of an operator, an index
# or a missing field has no frame of its own.
_EXACT = re.compile(r"^ {4}(?:<[^>]*>|[^<>:]+):\d+:\d+(?:-[\d:]+)?(?:$|: +(?:error statement|assertion failure|variable <|import |field <\S+> initializ))")
# The only error of a variable itself; another one is in the code that gives its value.
_UNDEFINED = "variable is not defined: "
_SYNTAX = "syntax error: "
# What it says of an argument's code.
_TLA_SYNTAX = re.compile(r"^error at \d+:\d+: ")
_SYNTAX_PLACE = re.compile(r"^ {4}code:(\d+):(\d+)")
_GOT = re.compile(r'(?<= got )"[^ ]+"$|(?<= got )" "$')
_PARSED = "function(unset) "
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


def _syntax_error(name: str, code: str) -> tuple[str, str] | None:
    """Returns what is wrong with a text that does not parse, and the place as a stack line; None if it parses.

    The text is only parsed: it becomes a function that nobody calls. Behind it are blanks, so that each offset in it that
    rjsonnet takes for the number of a character is one; only the end of the whole is not.
    """
    padded = _PARSED + code + "\n" + " " * (len(code.encode()) - len(code))
    try:
        rjsonnet.evaluate_file("code", import_callback=lambda folder, path: ("code", padded), gc=False)  # type: ignore[call-arg]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        message, *stack = str(error).split("\n")
        place = _SYNTAX_PLACE.match(stack[0]) if stack and message.startswith(_SYNTAX) else None
        if place:
            lines = padded.split("\n")[: int(place[1]) - 1] if int(place[1]) else [padded]
            offset = sum(len(line) + 1 for line in lines) + int(place[2]) - 1 - len(_PARSED)
            line, column = places.position(code.encode(), offset)
            # It looks for the character with the wrong number, too.
            got = code.encode()[offset:].decode(errors="ignore")[:1] or "EOF"
            message = _GOT.sub(lambda match: json.dumps(got, ensure_ascii=False), message)
            return message, f"    {name}:{line}:{column}"
    return None


def shape(text: str, call: Call) -> tuple[list[str], list[str]]:
    """Takes an error's text apart.

    Args:
        text: What the engine said.
        call: What it was called with.

    Returns:
        Lines of the message, and lines of the stack, indented by four spaces.
    """
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if i and _STACK_LINE.match(line)), len(lines))
    message, stack = lines[:first], lines[first:]
    if _TLA_SYNTAX.match(message[0]) or (message[0].startswith(_SYNTAX) and not stack):
        # It does not say which of the variables' and arguments' code does not parse.
        for name, code in call.codes().items():
            if found := _syntax_error(name, code):
                return [found[0]], [found[1]]
    texts = call.texts()
    if message[0].startswith(_SYNTAX) and stack:
        name = stack[0].strip().partition(":")[0]
        if not texts.get(name, "").isascii() and (found := _syntax_error(name, texts[name])):
            return [found[0]], [found[1], *(places.from_rjsonnet(frame, texts) for frame in stack[1:])]
    return message, [places.from_rjsonnet(frame, texts) for frame in stack]


def exact(message: list[str], stack: list[str]) -> bool:
    """Says whether the stack begins where the error is.

    Args:
        message: Lines as `shape` returns them.
        stack: Lines as `shape` returns them.

    Returns:
        False where another engine should be asked for the place (rules.jsonnet.tools.second_look).
    """
    if not stack or not _EXACT.match(stack[0]) or any(map(places.lost, stack)):
        return False
    return ": variable <" not in stack[0] or message[0].startswith(_UNDEFINED)
