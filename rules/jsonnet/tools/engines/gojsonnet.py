"""gojsonnet, the Go implementation and the default engine: its errors have the most precise locations.

A Go program (third_party/go/jsonnet/evaluate.go) evaluates one program after the other and keeps what it parsed. It is a child
of the evaluating process and is part of the tools of this engine. Tools without it use go-jsonnet as a Python package, which
evaluates the same way and parses everything for each program.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import IO, Any, cast

from rules.jsonnet.tools.engines import google
from rules.jsonnet.tools.engines.call import Call, EngineDiedError
from rules.jsonnet.tools.engines.paths import runfile, workspace_path

BINARY = True
has_location = google.has_location
parse_error = google.parse_error

# In a runfiles tree, repositories are side by side. The path of this file starts with the tree and this repository's name.
PROGRAM = runfile(Path(__file__).absolute().parents[5], "jsonnet_tools", "jsonnet_tools")


class _Program:
    """The running Go program."""

    def __init__(self) -> None:
        """Starts it. It ends with this process, or when its standard input is closed."""
        command = [str(PROGRAM), "evaluate", str(os.getpid())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._stdin, self._stdout = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)

    def ask(self, request: dict[str, object]) -> tuple[dict[str, Any], str]:
        """Returns the answer to a request, and the value; evaluate.go describes both."""
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()
            line = self._stdout.readline()
        except BrokenPipeError:
            line = b""
        if line.endswith(b"\n"):
            head = json.loads(line)
            value = self._stdout.read(head["size"])
            if len(value) == head["size"]:
                return head, value.decode()
        _programs.clear()
        raise EngineDiedError(self._process.wait())


# By the process that started it, because a fork of that process must not share it.
_programs: dict[int, _Program] = {}


def evaluate(call: Call) -> str:
    """Evaluates a program.

    Args:
        call: the program with its imports and variables.

    Returns:
        The value as JSON in the format of rules.jsonnet.tools.outputs, with numbers in their shortest form.

    Raises:
        EngineDiedError: the Go program died.
        BaseException: whatever the engine raises; `parse_error` parses its text.
    """
    if not PROGRAM.exists():
        import _gojsonnet  # tools with the Go program lack it

        return google.evaluate(call, _gojsonnet.evaluate_snippet)
    path, text = call.resolve("", workspace_path(call.src))
    binary: list[str] = []
    request = {
        "folder": os.getcwd(),
        "name": path,
        "text": text,
        "files": call.declared,
        "folders": call.folders,
        "roots": [[root, name] for root, name in call.roots.items()],
        "binary": binary,
        "max_stack": call.max_stack,
        "ext_vars": call.ext_vars,
        "ext_codes": call.ext_codes,
        "tla_vars": call.tla_vars,
        "tla_codes": call.tla_codes,
    }
    process = os.getpid()
    while True:
        program = _programs.get(process)
        if program is None:
            program = _programs[process] = _Program()
        head, value = program.ask(request)
        if trace := head.get("trace"):
            os.write(2, trace.encode())
        if "error" not in head:
            return value
        # A file that need not be UTF-8, because importbin imports it.
        file = call.failed(head.get("imported", []), head.get("missing", []))
        if not file or file in binary:
            raise RuntimeError(head["error"])
        binary.append(file)
