"""Tests of the layer tool as a persistent worker: a real one, over pipes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rules.image.tools.layers import layer

COMMAND = [
    sys.executable,
    "-c",
    (
        "import sys; sys.path[0:0] = sys.argv.pop().split(':'); from functools import partial; from rules.common import worker; "
        "from rules.image.tools.errors import run; from rules.image.tools.layers import layer; "
        "sys.exit(worker.start(partial(run, layer.main), sys.argv[1:], 'image'))"
    ),
]


@pytest.fixture(name="process")
def _process():
    """A layer tool that was started as a worker."""
    command = [*COMMAND, "--persistent_worker", ":".join(sys.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def _ask(process: subprocess.Popen, arguments: list[str], end: str = "") -> dict:
    """Sends a request, without a newline as Bazel 4 does unless end has one, and returns the answer."""
    process.stdin.write((json.dumps({"arguments": arguments, "inputs": [{"path": "}"}], "requestId": 7}) + end).encode())
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def _words(folder: Path, content: str) -> list[str]:
    (folder / "file").write_text(content)
    return ["--where", "//a:b", "--blob", str(folder / "blob"), "--descriptor", str(folder / "json"), "--file", "x", str(folder / "file")]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_worker_writes_what_a_process_writes(process, tmp_path, end: str) -> None:
    """A worker writes the same bytes as one process per action."""
    for number in range(3):
        assert _ask(process, _words(tmp_path, f"content {number}"), end) == {"exitCode": 0, "output": "", "requestId": 7}
        served = (tmp_path / "blob").read_bytes(), (tmp_path / "json").read_bytes()
        layer.main(_words(tmp_path, f"content {number}"))
        assert ((tmp_path / "blob").read_bytes(), (tmp_path / "json").read_bytes()) == served


def test_a_failed_action_is_an_answer(process, tmp_path) -> None:
    """The error is the answer's output, and the worker continues."""
    words = _words(tmp_path, "x")
    (tmp_path / "file").unlink()
    failed = _ask(process, words)
    assert failed["exitCode"] == 1 and failed["output"].startswith("ERROR: ") and "Traceback" not in failed["output"]
    assert _ask(process, ["--unknown"])["exitCode"] == 2
    assert _ask(process, _words(tmp_path, "x"))["exitCode"] == 0


@pytest.mark.parametrize("stream", [b"garbage}", b'{"arguments": []}garbage}', b'{"a": '])
def test_a_broken_stream_ends_the_worker_with_a_sentence(tmp_path, stream: bytes) -> None:
    """Earlier requests are answered, and Bazel starts another worker."""
    (tmp_path / "in").write_bytes(stream)
    with open(tmp_path / "in", "rb") as source:
        done = subprocess.run([*COMMAND, "--persistent_worker", ":".join(sys.path)], stdin=source, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: image worker: ") and done.stderr.count("\n") == 1
