"""Renders one Jsonnet program: `render [--engine=NAME] [--flag=value]… [@PARAMETERS]`.

With `--persistent_worker` among its arguments it stays and serves one request
after the other (rules.jsonnet.tools.worker). The arguments are in
rules.jsonnet.tools.request.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import TextIO

from rules.jsonnet.tools import engine, outputs
from rules.jsonnet.tools import request as requests
from rules.jsonnet.tools.errors import RenderError

# What a worker is started with, and puts before the arguments of each request.
_STARTUP = ("--engine=", "--timeout=", "--memory=")


def render(request: requests.Request) -> None:
    """Evaluates a program and writes its outputs.

    Args:
        request: The rendering; with no `outs` and no `out_dir` the program is
            only evaluated.

    Raises:
        RenderError: Evaluation or the outputs fail; nothing is written then.
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
    """Returns what came of an evaluation, for a test that compares engines: exit code, message, value."""
    try:
        text = engine.evaluate(request)
        outputs.check_numbers(request, text)
        return {"exit_code": 0, "message": "", "value": json.loads(text)}
    except RecursionError:
        return {"exit_code": 1, "message": f"{request.src} evaluates to a value too deep to compare", "value": None}
    except RenderError as error:
        return {"exit_code": error.exit_code, "message": error.message, "value": None}


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Renders what the arguments ask for.

    Args:
        argv: Arguments of one rendering; `@file` is replaced by that file's lines.

    Returns:
        Exit code (0 done, 1 failed, 2 usage) and what to tell the user, empty
        when all is well.
    """
    try:
        render(requests.parse(requests.expand(argv)))
    except RenderError as error:
        label = main_label(requests.peek(argv, "label"))
        return error.exit_code, f"ERROR: {label + ': ' if label else ''}{error.message}\n"
    return 0, ""


def discard(argv: Sequence[str]) -> None:
    """Removes what a rendering has left that was killed.

    Args:
        argv: Its arguments.
    """
    try:
        request = requests.parse(requests.expand(argv))
    except RenderError:
        return  # it has not begun to write
    outs = [*request.outs, *filter(None, [request.outcome])]
    outputs.discard(outs, outs, request.out_dir)


def main_label(label: str) -> str:
    """Returns a label as BUILD files have it; newer Bazels write the main repository's as @@//…"""
    return re.sub("^@@?//", "//", label)


def main(argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Runs the tool.

    Args:
        argv: Arguments without the program's name.
        stderr: Where messages go; standard error when None.

    Returns:
        Exit code: 0 done, 1 failed, 2 usage.
    """
    # Imported only here, because that module renders through this one.
    from rules.jsonnet.tools import worker

    err = stderr or sys.stderr
    if "--persistent_worker" in argv:
        first = [argument for argument in argv if argument.startswith(_STARTUP)]
        return worker.serve(sys.stdin.buffer, sys.stdout.buffer, err, first=first)
    evaluator = worker.Evaluator()
    try:
        code, message = evaluator.run(list(argv))
    finally:
        evaluator.stop()
    err.write(message)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
