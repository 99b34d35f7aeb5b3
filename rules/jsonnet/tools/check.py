"""Evaluates a program and compares the result: the tool of jsonnet_to_json_test.

Arguments are those of one rendering (rules.jsonnet.tools.request) and:

    --golden=FILE     what the program must print
    --golden_target=LABEL  the target that generates the golden file; without it that is a source
    --error=N         the exit code to expect (0 or 1)
    --regex           the golden file is a pattern that must occur in the output: case is ignored, `.` is any character
    --canonicalize    print the golden file as Jsonnet prints it before comparing
    --show_output     show the whole output when the test fails
    --update          rewrite the golden file in the workspace (bazel run)
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rules.jsonnet.tools import engine, outputs, render, worker
from rules.jsonnet.tools import request as requests
from rules.jsonnet.tools.errors import RenderError

_SWITCHES = ("--regex", "--canonicalize", "--show_output", "--update")


@dataclass
class Check:
    """What a test expects.

    Attributes:
        golden: File with the expected output; empty when only the exit code counts.
        golden_target: The target that generates it; empty for a source.
        error: Expected exit code.
        switches: The switches that were given, as written.
    """

    golden: str
    error: int
    switches: set[str]
    golden_target: str = ""


def parse(arguments: Sequence[str]) -> tuple[Check, requests.Request]:
    """Separates the check's arguments from those of the rendering.

    Args:
        arguments: Expanded arguments.

    Returns:
        What is expected, and what to render.

    Raises:
        UsageError: An argument is unknown or malformed.
    """
    check = Check("", 0, set())
    rest = []
    for argument in arguments:
        flag, _, value = argument.partition("=")
        if argument in _SWITCHES:
            check.switches.add(argument)
        elif flag == "--golden":
            check.golden = value
        elif flag == "--golden_target":
            check.golden_target = render.main_label(value)
        elif flag == "--error" and value in ("0", "1"):
            check.error = int(value)
        else:
            rest.append(argument)
    return check, requests.parse(rest)


def evaluate(request: requests.Request) -> tuple[int, str]:
    """Evaluates a program as jsonnet_to_json would.

    Args:
        request: The rendering; `outs` are only compared with the names that the
            program produces, when it produces several.

    Returns:
        Exit code, and the value as text or the error's message.
    """
    try:
        text = engine.evaluate(request)
        if request.multiple:
            if request.outs:
                outputs.layout(request, text)
            return 0, text + "\n"
        request.outs = ["value"]
        return 0, outputs.layout(request, text)["value"]
    except RenderError as error:
        return error.exit_code, error.message + "\n"


def canonical(path: str, name: str) -> str:
    """Prints a golden file as Jsonnet prints values.

    Args:
        path: A .json or .jsonnet file.
        name: The engine to print it with.

    Returns:
        Its value as text.

    Raises:
        RenderError: The file is no valid Jsonnet.
    """
    return engine.evaluate(requests.Request(src=path, engine=name)) + "\n"


def _read(path: str) -> str:
    """Returns the golden file's text."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise RenderError(f"{path} is no UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise RenderError(f"cannot read {path}: {error.strerror}; correct the attribute golden") from error


def compare(check: Check, request: requests.Request, text: str) -> list[str]:
    """Compares an output with the golden file.

    Args:
        check: What is expected.
        request: What was rendered.
        text: What it printed.

    Returns:
        Lines that tell the difference; empty when there is none.

    Raises:
        RenderError: The golden file cannot be read, is no valid Jsonnet, or no valid pattern.
    """
    expected = _read(check.golden)
    if "--regex" in check.switches:
        try:
            found = re.search(expected.rstrip("\n"), text, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise RenderError(f"{check.golden} is no regular expression: {error}; correct it") from error
        return [] if found else [f"the pattern of {check.golden} does not occur: {expected.rstrip()}"]
    if "--canonicalize" in check.switches and not (check.error or request.yaml_stream or request.string):
        expected = canonical(check.golden, request.engine)
    # A final newline is no difference: editors add it and shells take it away.
    before, after = expected.rstrip("\n").split("\n"), text.rstrip("\n").split("\n")
    return list(difflib.unified_diff(before, after, check.golden, "actual", lineterm=""))


def update(check: Check, text: str) -> str:
    """Rewrites the golden file of the source tree.

    Args:
        check: What is expected.
        text: What the program printed.

    Returns:
        What was done, in a sentence.

    Raises:
        RenderError: There is no golden file to write, or no workspace.
    """
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace or not check.golden or "--regex" in check.switches:
        raise RenderError("--update rewrites a golden file that is no regex; run it with `bazel run TEST -- --update`")
    if check.golden_target:
        raise RenderError(f"{check.golden} is generated by {check.golden_target}, so --update cannot rewrite it; change that target")
    if check.golden.startswith("../"):
        raise RenderError(f"{check.golden} belongs to another repository; run --update in its own workspace")
    path = _in_workspace(check.golden)
    mode = os.stat(path).st_mode if os.path.exists(path) else None
    outputs.write({path: text})
    if mode is not None:
        os.chmod(path, mode)
    return f"wrote {check.golden}\n"


def _in_workspace(golden: str) -> str:
    """Returns where a golden file is in the source tree; a link there stays one."""
    return os.path.realpath(os.path.join(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ""), golden))


def _discard(argv: Sequence[str]) -> None:
    """Removes what a killed --update has left of a golden file."""
    golden = requests.peek(argv, "golden")
    if golden and "--update" in argv:
        outputs.discard([_in_workspace(golden)])


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Does one check.

    Args:
        argv: Arguments; see the module.

    Returns:
        Exit code (0 as expected, 1 not so, 2 wrong usage) and what to tell the user.
    """
    label = render.main_label(requests.peek(argv, "label"))
    try:
        check, request = parse(requests.expand(argv))
        code, text = evaluate(request)
        if code != check.error:
            return 1, f"FAIL {label}: exit code {code}, expected {check.error}; the output was:\n{text}"
        if "--update" in check.switches:
            return 0, update(check, text)
        difference = compare(check, request, text) if check.golden else []
    except RenderError as error:
        return error.exit_code, f"ERROR: {label + ': ' if label else ''}{error.message}\n"
    if not difference:
        return 0, ""
    told = [f"FAIL {label}: the output is not what {check.golden} has:", *difference]
    if "--show_output" in check.switches:
        told += ["The whole output:", text.removesuffix("\n")]
    if "--regex" not in check.switches:
        told.append(f"If the new output is right: bazel run {label} -- --update")
    return 1, "\n".join(told) + "\n"


def main(argv: Sequence[str], stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Runs the check in a process that an engine may crash and that has limits, as a rendering does.

    Args:
        argv: Arguments; see the module.
        stdout: Where results go; standard output when None.
        stderr: Where errors go; standard error when None.

    Returns:
        0 when the output is as expected, 1 when it is not, 2 for wrong usage.
    """
    evaluator = worker.Evaluator(run=run, discard=_discard)
    try:
        code, text = evaluator.run(list(argv))
    finally:
        evaluator.stop()
    ((stderr or sys.stderr) if code else (stdout or sys.stdout)).write(text)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
