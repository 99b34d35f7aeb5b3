"""Evaluates one program with the engine of the request and shapes its errors.

Every engine is a module of rules.jsonnet.tools.engines with the functions
`evaluate`, `shape` and `exact`, and `binary`, which says whether importbin takes
any bytes. Only the one that a target is rendered with is among its
tool's files, so it is imported by name.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from types import ModuleType

from rules.common.errors import InputError
from rules.common.stamping import fill, read_status
from rules.jsonnet.tools import second_look
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.errors import RenderError, UsageError
from rules.jsonnet.tools.imports import Inputs, workspace_path
from rules.jsonnet.tools.request import ENGINES, Binding, Request

# What the engines say of a value that needs itself.
_ENDLESS = ("infinite recursion", "stack overflow", "max stack frames")
_HAS_PLACE = re.compile(r"^ {4}[^:]+:\d+:\d+")


def load(name: str) -> ModuleType:
    """Imports an engine.

    Args:
        name: One of rules.jsonnet.tools.request.ENGINES.

    Returns:
        Its module.

    Raises:
        UsageError: The engine is not among the tool's files.
    """
    try:
        return importlib.import_module(f"rules.jsonnet.tools.engines.{name}")
    except ImportError as error:
        raise UsageError(
            f"the engine '{name}' is not part of this tool ({error}); choose one of {', '.join(ENGINES)} "
            "with --//rules/jsonnet:engine or the attribute engine"
        ) from error


def _value(binding: Binding, status: Mapping[str, str], stamped: bool) -> str:
    """Returns the text of a binding: a string, or code if the binding is code.

    A file becomes an import, so that its own imports and its place in a stack
    trace are right; `importstr` yields code that is a string.
    """
    if binding.source == "file":
        path = workspace_path(binding.value).replace("\\", "\\\\").replace('"', '\\"')
        return f'{"import" if binding.code else "importstr"} "{path}"'
    text = binding.value
    if binding.source == "env":
        if binding.value not in os.environ:
            raise RenderError(
                f"the environment variable {binding.value} is not set; pass it with --action_env={binding.value}=VALUE"
            )
        text = os.environ[binding.value]
        try:
            text.encode()
        except UnicodeEncodeError as error:  # Python keeps bytes that are no UTF-8 as lone surrogates
            raise RenderError(
                f"the environment variable {binding.value} holds bytes that are no UTF-8 text; pass it in UTF-8"
            ) from error
    return fill(text, status, repr(binding.name)) if stamped else text


def _bind(request: Request) -> dict[str, dict[str, str]]:
    """Returns the engine's four keyword arguments for variables and arguments."""
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
    """Cuts the middle out of a long stack.

    Args:
        lines: Lines of the stack, innermost first.
        limit: How many of them to keep; 0 for all.

    Returns:
        At most `limit` lines and one that counts what was left out.
    """
    if not limit or len(lines) <= limit:
        return lines
    tail = limit // 2
    head = limit - tail
    left_out = len(lines) - head - tail
    return [*lines[:head], f"    … {left_out} more frames", *lines[len(lines) - tail :]]


def _circle(stack: list[str], inputs: Inputs) -> list[str]:
    """Returns the message for a circle of imports that the innermost frames stand in, or nothing."""
    cycle = inputs.cycle()
    innermost = {line.strip().partition(":")[0] for line in stack[: len(cycle)]}
    if not cycle or not innermost <= set(cycle) or len(innermost) < min(len(cycle), 2):
        return []
    steps = " imports ".join([*cycle, cycle[0]])
    return [f"cyclic import: {steps}, and each needs the other's value; move what they share to a file of its own"]


def explain(
    message: list[str], stack: list[str], failure: RenderError | None, request: Request, inputs: Inputs
) -> str:
    """Turns an engine's error into ours.

    Args:
        message: Lines of the engine's message.
        stack: Lines of its stack, indented by four spaces.
        failure: The failed import behind the error, whose sentence replaces the
            engine's message; None if no import failed.
        request: The rendering. Its program is named last where the stack leads
            to no place in it.
        inputs: What was imported, named where the engine gives no place at all.

    Returns:
        A message with the stack below it.
    """
    if failure is not None:
        message = [failure.message]
    elif any(words in message[0] for words in _ENDLESS):
        message = _circle(stack, inputs) or message
    end = []
    if not any(request.src in line for line in [*message, *stack]):
        end.append(f"    program {request.src}")
        if failure is None and not any(_HAS_PLACE.match(line) for line in stack):
            end += [f"    which imports {path}" for path in inputs.imported if path != request.src]
    return "\n".join([*message, *shorten(stack, request.max_trace), *shorten(end, request.max_trace)])


def evaluate(request: Request) -> str:
    """Evaluates the request's program.

    Args:
        request: What to evaluate, with which engine, inputs and variables.

    Returns:
        The value as JSON, in the form that rules.jsonnet.tools.outputs takes apart.

    Raises:
        RenderError: The program fails; the message has the Jsonnet stack.
        UsageError: The engine is not part of this tool.
    """
    engine = load(request.engine)
    inputs = Inputs([request.src, *request.inputs], request.imports, engine.binary)
    call = Call(request.src, inputs, request.max_stack, files=inputs.texts, **_bind(request))
    try:
        return str(engine.evaluate(call))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the Rust engine is no Exception
        message, stack = engine.shape(str(error) or "the engine failed and did not say why", call)
        if inputs.failure is None and not engine.exact(message, stack):
            stack = second_look.stack(request, message[0]) or stack
        raise RenderError(explain(message, stack, inputs.failure, request, inputs)) from error
