"""Finds the stack trace of an error for which rjsonnet gives no location.

rjsonnet reports a missing field, a wrong index or a wrong operand without a
location. go-jsonnet always gives one. So a program that failed without a location
is evaluated again by go-jsonnet, in a child process with a deadline
(error_location_child.py). A build that succeeds never pays for this, and one that
fails gets lines that an editor can open.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys

from rules.jsonnet.tools.request import Request

# go-jsonnet renders some 150 services in this time; the error of a larger program keeps no location.
DEADLINE_S = 5.0

_CODE = """
import ctypes, json, os, signal, sys
path, request, message, parent, seconds = json.load(sys.stdin)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != parent: sys.exit()
signal.alarm(seconds)
sys.path[:] = path
from rules.jsonnet.tools import error_location_child
print(json.dumps(error_location_child.evaluate(request, message)))
"""


def find_stack(request: Request, message: str = "") -> list[str]:
    """Returns the stack trace with locations, as go-jsonnet reports it.

    Args:
        request: the rendering that failed.
        message: first line of the error. Go-jsonnet must report the same error if the program raised it itself.

    Returns:
        Lines of the stack trace, indented by four spaces; empty if go-jsonnet is
        not available, takes too long, or reports no error.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", _CODE],
            # If this process is killed while it waits, the child ends itself.
            input=json.dumps([sys.path, dataclasses.asdict(request), message, os.getpid(), math.ceil(DEADLINE_S) + 1]),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        return [str(line) for line in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
