"""Renders one Jsonnet program in this process; rules.jsonnet.tools.render_tool is the command line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence

from rules.jsonnet.tools import engine, outputs
from rules.jsonnet.tools import request as requests
from rules.jsonnet.tools.errors import RenderError


def render(request: requests.Request) -> None:
    """Evaluates a program and writes its outputs.

    Args:
        request: the rendering. With neither `outs` nor `out_dir` the program is
            only evaluated.

    Raises:
        RenderError: the evaluation fails, or the outputs are wrong. Nothing is written then.
    """
    if request.outcome:
        outputs.write({request.outcome: json.dumps(_outcome(request))})
        return
    text = engine.evaluate(request)
    if request.outs or request.out_dir:
        if request.out_dir:
            os.makedirs(request.out_dir, exist_ok=True)
        outputs.write(outputs.layout(request, text))


def _outcome(request: requests.Request) -> dict[str, object]:
    """Returns exit code, message and value of an evaluation, for a test that compares engines."""
    try:
        text = engine.evaluate(request)
        outputs.check_numbers(request, text)
        return {"exit_code": 0, "message": "", "value": json.loads(text)}
    except RecursionError:
        sentence = f"{request.src}: the value is nested too deeply to compare; make it flatter, or leave the target out of the test"
        return {"exit_code": 1, "message": sentence, "value": None}
    except RenderError as error:
        return {"exit_code": error.exit_code, "message": error.message, "value": None}


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Renders what the arguments ask for.

    Args:
        argv: arguments of one rendering; `@file` stands for the lines of that file.

    Returns:
        Exit code (0 success, 1 failure, 2 wrong usage) and the message for the user,
        empty on success.
    """
    try:
        render(requests.parse(requests.expand(argv)))
    except RenderError as error:
        label = main_label(requests.peek(argv, "label"))
        return error.exit_code, f"ERROR: {label + ': ' if label else ''}{error.message}\n"
    return 0, ""


def discard(argv: Sequence[str]) -> None:
    """Removes the partial outputs of a killed rendering.

    Args:
        argv: arguments of the rendering.
    """
    try:
        request = requests.parse(requests.expand(argv))
    except RenderError:
        return  # it has not started to write
    outs = [*request.outs, *filter(None, [request.outcome])]
    outputs.discard(outs, outs, request.out_dir)


def main_label(label: str) -> str:
    """Returns a label as BUILD files write it; newer Bazel versions write the main repository's labels as @@//…."""
    return re.sub("^@@?//", "//", label)
