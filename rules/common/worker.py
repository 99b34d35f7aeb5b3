"""Bazel's persistent workers, JSON protocol: one request at a time.

An action of these rules takes milliseconds and an interpreter with the tool's modules 30 ms or more to start, so Bazel keeps
the tools running. Bazel 4 writes requests without a newline between or after them, newer versions with one; both are read by
counting braces. See https://bazel.build/remote/creating for the protocol.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, TextIO

_TOKEN = re.compile(r'\\.|["{}]', re.DOTALL)

# Runs a tool for one action: gets its arguments and the stream for its errors, and returns the exit code.
Run = Callable[[Sequence[str], TextIO], int]


class ProtocolError(Exception):
    """The request stream is not what Bazel writes."""


def messages(stream: BinaryIO | io.RawIOBase) -> Iterator[dict[str, Any]]:
    """Reads JSON objects from a stream as they arrive, with or without newlines.

    Args:
        stream: a raw or buffered binary stream.

    Yields:
        Each object, as soon as its closing brace has arrived.

    Raises:
        ProtocolError: the bytes are not a sequence of JSON objects.
    """
    read = getattr(stream, "read1", stream.read)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    buffer, scanned, depth, in_string = "", 0, 0, False
    try:
        while chunk := read(1 << 16):
            buffer += decode(chunk)
            position = scanned
            while match := _TOKEN.search(buffer, position):
                mark, position = match.group(), match.end()
                if mark == '"':
                    in_string = not in_string
                elif not in_string and mark in "{}":
                    depth += 1 if mark == "{" else -1
                    if depth <= 0:
                        yield json.loads(buffer[:position])
                        buffer, position, depth = buffer[position:], 0, 0
            if depth == 0 and buffer.strip():
                raise ProtocolError(f"expected a JSON object, found {buffer[:40]!r}")
            # A backslash at the end may start an escape: it is read again with what follows it.
            scanned = max(position, len(buffer) - buffer.endswith("\\"))
    except ValueError as error:
        raise ProtocolError(f"a request is not JSON: {error}") from error
    if buffer.strip():
        raise ProtocolError("the last request is cut off")


def reply(message: dict[str, Any], exit_code: int, output: str) -> bytes:
    """Returns the answer to a request, a line of JSON.

    Args:
        message: the request.
        exit_code: the exit code of its action.
        output: what the action printed.
    """
    answer = {"exitCode": exit_code, "output": output, "requestId": message.get("requestId", 0)}
    return json.dumps(answer).encode() + b"\n"


def serve(run: Run, requests: BinaryIO, answers: BinaryIO, name: str) -> int:
    """Answers requests until the stream ends.

    Args:
        run: runs the tool for one action.
        requests: what Bazel writes.
        answers: what Bazel reads.
        name: the tool's name, for the error.

    Returns:
        0 at the end of the stream; 1 when the stream is broken, and Bazel starts another worker.
    """
    try:
        for message in messages(requests):
            if message.get("cancel"):
                continue  # These workers do not announce that they can cancel; the request's own answer follows.
            code, output = _run_captured(run, [str(argument) for argument in message.get("arguments") or []])
            answers.write(reply(message, code, output))
            answers.flush()
    except ProtocolError as error:
        print(f"ERROR: {name} worker: {error}; Bazel will start another one.", file=sys.stderr)
        return 1
    return 0


def start(run: Run, argv: Sequence[str], name: str) -> int:
    """Runs a tool as its command line says: as a worker with `--persistent_worker`, else once.

    Args:
        run: runs the tool for one action.
        argv: the arguments after the program's name.
        name: the tool's name, for errors.

    Returns:
        The exit code.
    """
    if "--persistent_worker" in argv:
        return serve(run, sys.stdin.buffer, sys.stdout.buffer, name)
    return run(argv, sys.stderr)


def _run_captured(run: Run, arguments: Sequence[str]) -> tuple[int, str]:
    """Returns exit code and output of one action; a defect fails its own action only, as it does outside a worker."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            code = run(arguments, output)
        except SystemExit as wrong_usage:  # argparse raises it.
            code = wrong_usage.code if isinstance(wrong_usage.code, int) else 2
        except Exception:  # noqa: BLE001  # a defect fails its own action and does not end the worker
            traceback.print_exc(file=output)
            code = 1
    return code, output.getvalue()
