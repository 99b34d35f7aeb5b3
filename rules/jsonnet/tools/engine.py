"""Evaluates one program with the engine of the request and normalizes its errors.

Every engine is a module of rules.jsonnet.tools.engines with the functions
`evaluate`, `parse_error` and `has_location`, and the constant `BINARY`, which is
True if importbin accepts any bytes. A tool contains only the engine of its
target, so engines are imported by name.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from types import ModuleType

from rules.common.errors import InputError
from rules.common.stamping import fill, read_status
from rules.jsonnet.tools import advice, error_location
from rules.jsonnet.tools.engines.call import Call, EngineDiedError
from rules.jsonnet.tools.engines.paths import apparent_name, workspace_path
from rules.jsonnet.tools.errors import RenderError, UsageError
from rules.jsonnet.tools.imports import Inputs
from rules.jsonnet.tools.request import ENGINES, Binding, Request

# Messages of the engines for infinite recursion.
_INFINITE_RECURSION = ("infinite recursion", "stack overflow", "max stack frames")
_HAS_LOCATION = re.compile(r"^ {4}[^:]+:\d+:\d+")


def load(name: str) -> ModuleType:
    """Imports an engine.

    Args:
        name: one of rules.jsonnet.tools.request.ENGINES.

    Returns:
        The engine's module.

    Raises:
        UsageError: this tool does not contain the engine.
    """
    try:
        return importlib.import_module(f"rules.jsonnet.tools.engines.{name}")
    except ImportError as error:
        raise UsageError(
            f"this tool does not contain the engine '{name}' ({error}); choose one of {', '.join(ENGINES)} "
            "with --//rules/jsonnet:engine or the attribute engine"
        ) from error


def _value(binding: Binding, status: Mapping[str, str], stamped: bool) -> str:
    """Returns the text of a binding: a string, or code if the binding is code.

    A file becomes an import, so that its own imports and its name in stack
    traces are right; `importstr` gives code that evaluates to a string.
    """
    if binding.source == "file":
        path = workspace_path(binding.value).replace("\\", "\\\\").replace('"', '\\"')
        return f'{"import" if binding.code else "importstr"} "{path}"'
    text = binding.value
    if binding.source == "env":
        if binding.value not in os.environ:
            raise RenderError(f"the environment variable {binding.value} is not set; pass it with --action_env={binding.value}=VALUE")
        text = os.environ[binding.value]
        try:
            text.encode()
        except UnicodeEncodeError as error:  # Python decodes bytes that are not UTF-8 to lone surrogates
            raise RenderError(f"the environment variable {binding.value} is not UTF-8 text; set it to UTF-8 text") from error
    return fill(text, status, repr(binding.name)) if stamped else text


def _bind(request: Request) -> dict[str, dict[str, str]]:
    """Returns the engine's keyword arguments for external variables and top-level arguments."""
    groups: dict[str, dict[str, str]] = {"ext_vars": {}, "ext_codes": {}, "tla_vars": {}, "tla_codes": {}}
    try:
        status = read_status(request.stamp_files) if request.stamp_keys else {}
        for binding in request.bindings:
            code = binding.code or binding.source == "file"
            group = groups[f"{binding.target}_{'codes' if code else 'vars'}"]
            group[binding.name] = _value(binding, status, binding.name in request.stamp_keys)
    except InputError as error:
        raise RenderError(str(error)) from None
    return groups


def shorten(lines: list[str], limit: int) -> list[str]:
    """Shortens a long stack trace by its middle.

    Args:
        lines: lines of the stack trace, innermost first.
        limit: number of lines to keep; 0 for all.

    Returns:
        At most `limit` lines, and one line with the number of omitted ones.
    """
    if not limit or len(lines) <= limit:
        return lines
    tail = limit // 2
    head = limit - tail
    omitted = len(lines) - head - tail
    return [*lines[:head], f"    … {omitted} more frames", *lines[len(lines) - tail :]]


def _cycle_message(stack: list[str], inputs: Inputs) -> list[str]:
    """Returns the message for an import cycle if the innermost frames are in it; an empty list otherwise."""
    cycle = inputs.cycle()
    innermost = {line.strip().partition(":")[0] for line in stack[: len(cycle)]}
    if not cycle or not innermost <= set(cycle) or len(innermost) < min(len(cycle), 2):
        return []
    steps = " imports ".join([*cycle, cycle[0]])
    return [f"cyclic import: {steps}, and each needs the other's value; move the shared part to a separate file"]


def format_error(message: list[str], stack: list[str], failure: RenderError | None, request: Request, inputs: Inputs) -> str:
    """Formats an engine's error.

    Args:
        message: lines of the engine's message.
        stack: lines of its stack trace, indented by four spaces.
        failure: the error of the failed import; its message replaces the engine's.
            None if no import failed.
        request: the rendering. Its program is added to a stack trace that does not
            contain it.
        inputs: the inputs. The imported files are added to a stack trace without any location.

    Returns:
        The message with the stack trace below it.
    """
    if failure is not None:
        message = [failure.message]
    elif any(words in message[0] for words in _INFINITE_RECURSION):
        message = _cycle_message(stack, inputs) or message
    texts = {workspace_path(path): text for path, text in inputs.texts.items()}
    todo = advice.missing_field(message[0], stack, texts, request.advice)
    message = [f"{message[0]}; {todo}", *message[1:]] if todo else message
    end = advice.places_of_parameter(message[0], stack, request.src, texts.get(workspace_path(request.src), ""))
    if not end and not any(request.src in line for line in [*message, *stack]):
        end.append(f"    program {request.src}")
        if failure is None and not any(_HAS_LOCATION.match(line) for line in stack):
            end += [f"    which imports {path}" for path in inputs.imported if path != request.src]
    return "\n".join([*message, *shorten(stack, request.max_trace), *shorten(end, request.max_trace)])


def evaluate(request: Request) -> str:
    """Evaluates the request's program.

    Args:
        request: the program with its engine, inputs and variables.

    Returns:
        The value as JSON, in the format that rules.jsonnet.tools.outputs splits.

    Raises:
        RenderError: the program fails; the message includes the Jsonnet stack trace.
        UsageError: this tool does not contain the engine.
        EngineDiedError: the engine's own process died.
    """
    engine = load(request.engine)
    inputs = Inputs([request.src, *request.inputs], request.imports, engine.BINARY)
    call = Call(
        request.src,
        inputs,
        request.max_stack,
        files=inputs.texts,
        declared=inputs.declared,
        folders=inputs.folders,
        roots={root: apparent_name(root) for root in inputs.roots},
        failed=inputs.failed,
        **_bind(request),
    )
    try:
        return str(engine.evaluate(call))
    except (KeyboardInterrupt, SystemExit, EngineDiedError):
        raise
    except BaseException as error:  # a panic of the Rust engine is not an Exception
        message, stack = engine.parse_error(str(error) or "the engine failed without a message", call)
        if inputs.failure is None and not engine.has_location(message, stack):
            stack = error_location.find_stack(request, message[0]) or stack
        raise RenderError(format_error(message, stack, inputs.failure, request, inputs)) from error
