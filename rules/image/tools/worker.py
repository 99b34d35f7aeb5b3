"""Runs a tool's main for one action, or for many as a Bazel persistent worker (JSON protocol, one request at a time).

A layer of a changed file takes 3 ms to write and an interpreter with the tool's modules 30 ms to start, so the tools of
layers and manifests are kept running. The stream is a sequence of JSON objects; Bazel 4 writes no newline after them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from typing import Any, BinaryIO, Callable, Iterator, Sequence

from rules.image.tools.errors import run

_BLOCK = 1 << 16


def requests(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield each JSON object of a stream as soon as it is complete; raises ValueError where it ends in the middle of one."""
    decoder, data = json.JSONDecoder(), b""
    while True:
        block = os.read(stream.fileno(), _BLOCK)
        if not block:
            if data.strip():
                raise ValueError("the requests end in the middle of one")
            return
        data += block
        if data.strip() and not data.lstrip().startswith(b"{"):
            raise ValueError(f"found {data[:40]!r}, which begins no request")
        # Only after a closing brace can there be a whole one; looking sooner would read long requests again and again.
        while (text := data.lstrip()) and data.rstrip().endswith(b"}"):
            try:
                request, end = decoder.raw_decode(text.decode())
            except ValueError:  # the brace was one inside
                break
            data = text.decode()[end:].encode()
            yield request


def answer(main: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> tuple[int, str]:
    """Return exit code and output of one action."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            code = run(main, arguments, output)
        except SystemExit as wrong_usage:
            code = wrong_usage.code if isinstance(wrong_usage.code, int) else 1
        except Exception:  # pylint: disable=broad-except  # a defect fails its action as it does outside a worker
            traceback.print_exc(file=output)
            code = 1
    return code, output.getvalue()


def serve(main: Callable[[Sequence[str]], int], requests_in: BinaryIO, answers_out: BinaryIO) -> int:
    """Answer requests until there are no more; returns 1 where the stream is broken, and Bazel starts another worker."""
    try:
        for request in requests(requests_in):
            code, output = answer(main, request.get("arguments") or [])
            reply = {"exitCode": code, "output": output, "requestId": request.get("requestId", 0)}
            answers_out.write(json.dumps(reply).encode() + b"\n")
            answers_out.flush()
    except ValueError as error:
        print(f"ERROR: image worker: {error}; Bazel will start another one", file=sys.stderr)
        return 1
    return 0


def start(main: Callable[[Sequence[str]], int]) -> int:
    """Run main as the command line says: as a worker with --persistent_worker, else once; returns the exit code."""
    argv = sys.argv[1:]
    if "--persistent_worker" in argv:
        return serve(main, sys.stdin.buffer, sys.stdout.buffer)
    return run(main, argv)
