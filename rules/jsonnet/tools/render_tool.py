"""Command-line tool that renders one Jsonnet program: `render_tool [--engine=NAME] [--flag=value]… [@PARAMETERS]`.

With `--persistent_worker` it stays and serves one request after the other
(rules.jsonnet.tools.worker). rules.jsonnet.tools.request has the arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from rules.jsonnet.tools import worker

# Startup flags of the worker, which precede the arguments of each request.
_STARTUP = ("--engine=", "--timeout=", "--memory=")


def main(argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Runs the tool.

    Args:
        argv: arguments without the program's name.
        stderr: stream for messages; standard error if None.

    Returns:
        Exit code: 0 success, 1 failure, 2 wrong usage.
    """
    err = stderr or sys.stderr
    if "--persistent_worker" in argv:
        startup = [argument for argument in argv if argument.startswith(_STARTUP)]
        return worker.serve(sys.stdin.buffer, sys.stdout.buffer, err, startup=startup)
    evaluator = worker.Evaluator()
    try:
        code, message = evaluator.run(list(argv))
    finally:
        evaluator.stop()
    err.write(message)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
