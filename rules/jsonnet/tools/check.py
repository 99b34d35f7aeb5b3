"""Evaluates a program and compares its output with a golden file: the tool of jsonnet_to_json_test.

It accepts the arguments of a rendering (rules.jsonnet.tools.request) and:

    --golden=FILE     the expected output
    --golden_target=LABEL  the target that generates the golden file; leave it out for a source file
    --error=N         the expected exit code (0 or 1)
    --regex           the golden file is a regular expression that must match a part of the output: case is ignored, `.` matches any character
    --canonicalize    evaluate the golden file as Jsonnet before comparing
    --show_output     show the whole output if the test fails
    --update          rewrite the golden file in the workspace (only with bazel run)
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
from rules.jsonnet.tools.errors import RenderError, printable

_SWITCHES = ("--regex", "--canonicalize", "--show_output", "--update")


@dataclass
class Check:
    """Expectations of a test.

    Attributes:
        golden: path of the golden file; empty if only the exit code matters.
        golden_target: label of the target that generates the golden file; empty for a source file.
        error: expected exit code.
        switches: switches of the command line, with their dashes.
    """

    golden: str
    error: int
    switches: set[str]
    golden_target: str = ""


def parse(arguments: Sequence[str]) -> tuple[Check, requests.Request]:
    """Parses the arguments of the check and of the rendering.

    Args:
        arguments: arguments without parameter files.

    Returns:
        The expectations and the rendering.

    Raises:
        UsageError: an argument is unknown or malformed.
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
    """Evaluates a program as jsonnet_to_json does.

    Args:
        request: the rendering. With several outputs, the names that the program
            produces are compared with `outs`.

    Returns:
        Exit code, and the value as text or the error message.
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
    """Evaluates a golden file and formats it as Jsonnet formats values.

    Args:
        path: a .json or .jsonnet file.
        name: name of the engine.

    Returns:
        The value as text.

    Raises:
        RenderError: the file is not valid Jsonnet.
    """
    return engine.evaluate(requests.Request(src=path, engine=name)) + "\n"


def _read(path: str) -> str:
    """Returns the golden file's text."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise RenderError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise RenderError(f"{path}: can't read it: {error.strerror}; correct the attribute golden") from error


def compare(check: Check, request: requests.Request, text: str) -> list[str]:
    """Compares an output with the golden file.

    Args:
        check: the expectations.
        request: the rendering.
        text: its output.

    Returns:
        Lines that describe the difference; empty if there is none.

    Raises:
        RenderError: the golden file can't be read, or is not valid Jsonnet or not a valid regular expression.
    """
    expected = _read(check.golden)
    if "--regex" in check.switches:
        try:
            found = re.search(expected.rstrip("\n"), text, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise RenderError(f"{check.golden} is not a regular expression: {error}; correct it") from error
        return [] if found else [f"the pattern of {check.golden} does not match: {expected.rstrip()}"]
    if "--canonicalize" in check.switches and not (check.error or request.yaml_stream or request.string):
        expected = canonical(check.golden, request.engine)
    # A final newline does not matter: editors add it and shells remove it.
    before, after = expected.rstrip("\n").split("\n"), text.rstrip("\n").split("\n")
    return list(difflib.unified_diff(before, after, check.golden, "actual", lineterm=""))


def update(check: Check, text: str) -> str:
    """Rewrites the golden file in the source tree.

    Args:
        check: the expectations.
        text: the output of the program.

    Returns:
        The message for the user.

    Raises:
        RenderError: there is no workspace, or no golden file that can be rewritten.
    """
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace or not check.golden or "--regex" in check.switches:
        raise RenderError("--update needs `bazel run` and a golden file that is not a regex; run `bazel run TEST -- --update`")
    if check.golden_target:
        raise RenderError(f"{check.golden} is generated by {check.golden_target}, so --update can't rewrite it; change that target")
    if check.golden.startswith("../"):
        raise RenderError(f"{check.golden} belongs to another repository; run --update in its own workspace")
    path = _in_workspace(check.golden)
    mode = os.stat(path).st_mode if os.path.exists(path) else None
    outputs.write({path: text})
    if mode is not None:
        os.chmod(path, mode)
    return f"wrote {check.golden}\n"


def _in_workspace(golden: str) -> str:
    """Returns the path of a golden file in the source tree, with links resolved, so that links stay links."""
    return os.path.realpath(os.path.join(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ""), golden))


def _discard(argv: Sequence[str]) -> None:
    """Removes the partial golden file of a killed --update."""
    golden = requests.peek(argv, "golden")
    if golden and "--update" in argv:
        outputs.discard([_in_workspace(golden)])


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Runs one check.

    Args:
        argv: arguments; see the module.

    Returns:
        Exit code (0 output as expected, 1 not as expected, 2 wrong usage) and the message for the user.
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
    message = [f"FAIL {label}: the output differs from {check.golden}:", *difference]
    if "--show_output" in check.switches:
        message += ["The whole output:", text.removesuffix("\n")]
    if "--regex" not in check.switches:
        message.append(f"If the new output is right, run: bazel run {label} -- --update")
    return 1, "\n".join(message) + "\n"


def main(argv: Sequence[str], stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Runs the check in a child process, with the limits of a rendering, because the engine may crash.

    Args:
        argv: arguments; see the module.
        stdout: stream for results; standard output if None.
        stderr: stream for errors; standard error if None.

    Returns:
        Exit code: 0 if the output is as expected, 1 if not, 2 for wrong usage.
    """
    evaluator = worker.Evaluator(run=run, discard=_discard)
    try:
        code, text = evaluator.run(list(argv))
    finally:
        evaluator.stop()
    ((stderr or sys.stderr) if code else (stdout or sys.stdout)).write(printable(text))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
