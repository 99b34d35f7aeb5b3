"""Finds the places of an error that the default engine gives none for.

rjsonnet reports a missing field, a wrong index or operand without saying where.
go-jsonnet always says it, so a program that failed without a place is evaluated
once more by it, in a process of its own with a deadline: a build that works
never pays, and one that fails gets lines that an editor opens.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys

from rules.jsonnet.tools.request import Binding, Request

# go-jsonnet renders some 150 services in this time; the error of a larger program stays without a place.
DEADLINE_S = 5.0

_ENGINE = "gojsonnet"
_CODE = """
import ctypes, json, os, signal, sys
path, request, message, asking, seconds = json.load(sys.stdin)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != asking: sys.exit()
signal.alarm(seconds)
sys.path[:] = path
from rules.jsonnet.tools import second_look
print(json.dumps(second_look.look(request, message)))
"""


def stack(request: Request, message: str = "") -> list[str]:
    """Returns the stack with places.

    Args:
        request: The rendering that has failed.
        message: The first line of what the engine said; what go-jsonnet says of a program's own error must be the same.

    Returns:
        Stack lines indented by four spaces; empty where go-jsonnet is not there,
        takes too long, or sees no error.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", _CODE],
            # The process that asks may be killed while it waits: then nobody else would end this one.
            input=json.dumps([sys.path, dataclasses.asdict(request), message, os.getpid(), math.ceil(DEADLINE_S) + 1]),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        return [str(line) for line in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def look(fields: dict[str, object], message: str = "") -> list[str]:
    """Evaluates in this process; what the other process runs.

    Args:
        fields: The request's fields.
        message: See `stack`.

    Returns:
        The stack lines of the error; empty if there is none, or if it is another one: what go-jsonnet refuses before it
        evaluates anything is not what stopped rjsonnet.
    """
    # Imported here, because that module asks this one.
    from rules.jsonnet.tools import engine
    from rules.jsonnet.tools.errors import RenderError

    bindings = [Binding(**binding) for binding in fields.pop("bindings")]  # type: ignore[attr-defined]
    request = Request(**{**fields, "bindings": bindings, "engine": _ENGINE, "max_trace": 0})  # type: ignore[arg-type]
    try:
        engine.evaluate(request)
    except RenderError as error:
        if error.message.startswith("static error: "):
            return []
        if message.startswith("runtime error: ") and error.message.split("\n")[0] != message:
            return []
        return [line for line in error.message.split("\n") if line.startswith("    ")]
    return []
