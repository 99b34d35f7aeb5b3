"""Evaluates one program with rjsonnet and shapes its errors.

rjsonnet is the Rust implementation of Jsonnet. Its garbage collector costs more
than the evaluation of a small program, so it stays off and the process that
evaluates is replaced when it has grown (rules.jsonnet.tools.worker).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import rjsonnet

from rules.jsonnet.tools import stamp
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.imports import Inputs, workspace_path
from rules.jsonnet.tools.request import Binding, Request

# A line of the stack: four spaces, then `file:line:column` or a remark.
_STACK_LINE = re.compile(r"^ {4}\S")


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
    return stamp.fill(binding.name, text, status) if stamped else text


def _bind(request: Request) -> dict[str, dict[str, str]]:
    """Returns the engine's four keyword arguments for variables and arguments."""
    groups: dict[str, dict[str, str]] = {"ext_vars": {}, "ext_codes": {}, "tla_vars": {}, "tla_codes": {}}
    status = stamp.read_status(request.stamp_files) if request.stamp_keys else {}
    for binding in request.bindings:
        code = binding.code or binding.source == "file"
        group = groups[f"{binding.target}_{'codes' if code else 'vars'}"]
        group[binding.name] = _value(binding, status, binding.name in request.stamp_keys)
    return groups


def shorten(lines: list[str], limit: int) -> list[str]:
    """Cuts the middle out of a long stack.

    Args:
        lines: Lines of the stack, innermost first.
        limit: How many of them to keep.

    Returns:
        At most `limit` lines and one that counts what was left out.
    """
    if len(lines) <= limit:
        return lines
    tail = limit // 2
    head = limit - tail
    left_out = len(lines) - head - tail
    return [*lines[:head], f"    … {left_out} more frames", *lines[len(lines) - tail :]]


def explain(text: str, failure: RenderError | None, src: str, max_trace: int) -> str:
    """Turns the engine's error text into ours.

    Args:
        text: Message and stack as the engine wrote them.
        failure: The failed import behind the error, whose sentence replaces the
            engine's message; None if no import failed.
        src: The program, named last where the stack leads to no place in it.
        max_trace: How many stack lines to keep.

    Returns:
        A message with the stack below it.
    """
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if i and _STACK_LINE.match(line)), len(lines))
    message, stack = lines[:first], lines[first:]
    if failure is not None:
        message = [failure.message]
    end = [] if any(src in line for line in [*message, *stack]) else [f"    program {src}"]
    return "\n".join([*message, *shorten(stack, max_trace), *end])


def evaluate(request: Request) -> str:
    """Evaluates the request's program.

    Args:
        request: What to evaluate, with which inputs and variables.

    Returns:
        The value as JSON, indented by the engine.

    Raises:
        RenderError: The program fails; the message has the Jsonnet stack.
    """
    inputs = Inputs([request.src, *request.inputs], request.imports)
    bindings = _bind(request)
    try:
        return rjsonnet.evaluate_file(
            workspace_path(request.src),
            import_callback=inputs,
            max_stack=request.max_stack,
            gc=False,  # type: ignore[call-arg]  # the package's stub lacks it
            ext_vars=bindings["ext_vars"],
            ext_codes=bindings["ext_codes"],
            tla_vars=bindings["tla_vars"],
            tla_codes=bindings["tla_codes"],
        )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the Rust engine is no Exception
        raise RenderError(explain(str(error), inputs.failure, request.src, request.max_trace)) from error
