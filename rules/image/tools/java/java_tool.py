"""The program that the actions of java_image run: `java_tool ARGUMENT… --verb=VERB`, each verb a function of a module beside this one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from rules.common import worker
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import run
from rules.image.tools.java import base, jars, jdk, program, runtime, sharing

VERBS = {
    "base": base.main,
    "index": jars.index,
    "jdk": jdk.main,
    "program": program.main,
    "runtime": runtime.main,
    "share": sharing.share,
    "split": jars.split,
}


def main(argv: Sequence[str]) -> int:
    """Runs the verb that the last argument names."""
    *rest, verb = read_arguments(argv)
    return VERBS[verb.removeprefix("--verb=")](rest)


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
