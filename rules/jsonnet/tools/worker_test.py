"""Tests of the worker: protocol, limits, and recovery from crashes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.jsonnet.tools import render, worker
from rules.jsonnet.tools.request import ENGINES
from rules.jsonnet.tools.testing import ENDLESS, children, running, wait, write_program


class _Chunks(io.RawIOBase):
    """A stream that returns the given pieces, as a pipe does."""

    def __init__(self, pieces: list[bytes]) -> None:
        """Keeps the pieces."""
        self._pieces = list(pieces)

    def read(self, size: int = -1) -> bytes:
        """Returns the next piece."""
        return self._pieces.pop(0) if self._pieces else b""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def evaluator() -> Iterator[worker.Evaluator]:
    """Returns an evaluator, and stops it after the test."""
    evaluator = worker.Evaluator()
    yield evaluator
    evaluator.stop()


def test_requests_without_newlines() -> None:
    """Objects without a separator between them are read as separate requests."""
    assert list(worker.messages(_Chunks([b'{"a":{"b":1}}{"c":"}{"}']))) == [{"a": {"b": 1}}, {"c": "}{"}]


def test_a_request_ends_at_its_closing_brace() -> None:
    """An object is returned at its closing brace, without waiting for a newline or more bytes."""

    class Blocking(_Chunks):
        """A stream that must not be read after its last piece."""

        def read(self, size: int = -1) -> bytes:
            assert self._pieces, "read more although a whole request was there"
            return super().read(size)

    assert next(worker.messages(Blocking([b'{"a":1}']))) == {"a": 1}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_requests_in_pieces(size: int) -> None:
    """The objects are the same wherever the stream is split, even inside an escape or a character."""
    objects = [{"k\\": 'é"}\\'}, {"n": [{}, {"x": "\n"}]}, {}]
    text = "\n".join(json.dumps(item, ensure_ascii=False) for item in objects).encode()
    pieces = [text[i : i + size] for i in range(0, len(text), size)]

    assert list(worker.messages(_Chunks(pieces))) == objects


@pytest.mark.parametrize("text", [b"hello", b"[1]", b"}", b'{"a" 1}', b'{"a":1', b'{"a":"\xff"}', b"\x08\x96\x01"])
def test_garbage(text: bytes) -> None:
    """Bytes that are not complete JSON objects are a protocol error."""
    with pytest.raises(worker.ProtocolError):
        list(worker.messages(_Chunks([text])))


def test_garbage_stops_the_worker_with_one_line() -> None:
    """A broken stream stops the worker with exit code 1 and one line, and Bazel starts a new worker."""
    answers, err = io.BytesIO(), io.StringIO()

    assert worker.serve(_Chunks([b"what?"]), answers, err) == 1
    assert answers.getvalue() == b""
    assert err.getvalue().startswith("ERROR: jsonnet worker: expected a JSON object, found 'what?'")
    assert err.getvalue().count("\n") == 1


def test_serving() -> None:
    """Each response has the request's ID, exit code and message, also after a failure."""
    requests = [
        {
            "arguments": write_program("bad", "error 'no'"),
            "requestId": 4,
            "inputs": [{"path": "x", "digest": "y"}],
        },
        {"arguments": write_program("good", "{ a: 1 }"), "verbosity": 0},
    ]
    answers = io.BytesIO()

    assert worker.serve(_Chunks([json.dumps(item).encode() for item in requests]), answers, io.StringIO()) == 0

    bad, good = map(json.loads, answers.getvalue().splitlines())
    assert (bad["exitCode"], bad["requestId"]) == (1, 4)
    assert bad["output"].startswith("ERROR: //:bad: runtime error: no\n    bad.jsonnet:1:")
    assert good == {"exitCode": 0, "output": "", "requestId": 0}
    assert json.loads(Path("good.json").read_text()) == {"a": 1}


def test_failure_writes_nothing() -> None:
    """If one of several outputs is missing, none is written."""
    arguments = [*write_program("two", "{ 'two.json': 1 }"), "--out=other.json", "--multiple"]

    code, message = render.run(arguments)

    assert code == 1
    assert "the value lacks the fields other.json" in message
    assert not Path("two.json").exists()


def test_usage_errors_have_their_own_code() -> None:
    """Wrong usage has exit code 2, and the label if there is one."""
    assert render.run(["--what", "--label=//:x"])[1].startswith("ERROR: //:x: unknown or malformed argument '--what'; ")
    assert render.run(["--what"]) == (
        2,
        "ERROR: unknown or malformed argument '--what'; see rules/jsonnet/README.md\n",
    )


def test_labels_of_newer_bazel_versions() -> None:
    """A label of the main repository is shown as in BUILD files."""
    _, message = render.run(["--label=@@//a:b", "--src=none.jsonnet"])

    assert message.startswith("ERROR: //a:b: ")


def test_trace_reaches_the_user(evaluator: worker.Evaluator) -> None:
    """The output of std.trace is in the response of its own rendering, and in no other."""
    code, message = evaluator.run(write_program("t", "std.trace('look here', 1)"))
    assert code == 0
    assert "look here" in message

    assert evaluator.run(write_program("u", "1")) == (0, "")


def test_a_killed_evaluator_is_replaced(evaluator: worker.Evaluator) -> None:
    """After the evaluator is killed, the next rendering uses a new one."""
    assert evaluator.run(write_program("a", "1")) == (0, "")
    killed = evaluator.pid
    os.kill(killed, signal.SIGKILL)

    assert evaluator.run(write_program("b", "2")) == (0, "")
    assert evaluator.pid != killed
    assert Path("b.json").read_text() == "2\n"


@pytest.mark.parametrize(
    ("engine", "depth", "words"),
    [
        ("gojsonnet", 200_000, r"exit code 2\); simplify the program or report it"),
        ("rjsonnet", 2_000_000, r'SIG\w+\); set engine = "gojsonnet", or simplify the program or report it'),
    ],
)
def test_a_crash_is_one_message(evaluator: worker.Evaluator, engine: str, depth: int, words: str) -> None:
    """If the engine crashes, the program fails with one message that names it, and the next rendering succeeds."""
    code, message = evaluator.run([*write_program("deep", "[" * depth + "]" * depth), f"--engine={engine}"])

    assert code == 1
    assert re.fullmatch(rf"ERROR: //:deep: the Jsonnet engine died twice \({words}\n", message)
    assert evaluator.run(write_program("b", "2")) == (0, "")


def test_a_crash_of_a_large_engine_is_a_crash() -> None:
    """Only an engine that was killed may have lacked memory: the message for a crash is the same, however large the engine was."""
    evaluator = worker.Evaluator(memory_limit=1)
    code, message = evaluator.run([*write_program("deep", "[" * 200_000 + "]" * 200_000), "--engine=gojsonnet"])
    evaluator.stop()

    assert code == 1
    assert message.startswith("ERROR: //:deep: the Jsonnet engine died twice (exit code 2); simplify")


def test_an_engine_in_a_process_of_its_own_is_replaced(evaluator: worker.Evaluator) -> None:
    """After go-jsonnet's own process is killed, the next rendering uses a new one, and none is left over at the end."""
    assert evaluator.run(write_program("a", "1")) == (0, "")
    (program,) = children(evaluator.pid)
    os.kill(program, signal.SIGKILL)

    assert evaluator.run(write_program("b", "2")) == (0, "")
    (other,) = children(evaluator.pid)
    evaluator.stop()

    assert other != program
    wait(lambda: not running(other), "for the engine's process to exit")


@pytest.mark.parametrize("engine", ENGINES)
def test_deep_tail_calls(engine: str) -> None:
    """Each engine evaluates 10,000 nested tail calls; for rjsonnet, the stack of 8 MiB that Linux gives a process is too small."""
    evaluator = worker.Evaluator()
    program = write_program("tail", "local f(n, a) = if n == 0 then a else f(n - 1, a + 1) tailstrict; f(10000, 0)")
    assert evaluator.run([*program, f"--engine={engine}"]) == (0, "")
    assert Path("tail.json").read_text() == "10000\n"
    evaluator.stop()


# Runs for days, and uses little memory in the first seconds.
_GREEDY = {"gojsonnet": "std.range(1, 1000000000)", "rjsonnet": "'%e' % 0"}


def test_an_endless_program_is_killed(evaluator: worker.Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit a rendering fails with a message that names it, without a second try, and the next one succeeds."""
    starts: list[int] = []
    start = evaluator._start
    monkeypatch.setattr(evaluator, "_start", lambda: (start(), starts.append(evaluator.pid)))
    began = time.monotonic()

    assert evaluator.run([*write_program("endless", ENDLESS), "--timeout=1"]) == (
        1,
        (
            "ERROR: //:endless: the program did not finish within 1 s; make it smaller, try another engine, "
            "or raise the limit with --//rules/jsonnet:timeout=SECONDS\n"
        ),
    )
    assert time.monotonic() - began < 10
    assert len(starts) == 1
    assert not running(starts[0])
    assert evaluator.run(write_program("b", "2")) == (0, "")


@pytest.mark.parametrize("engine", _GREEDY)
def test_a_growing_program_is_killed(evaluator: worker.Evaluator, engine: str) -> None:
    """A rendering over the memory limit fails with a message that names it, and the next one succeeds."""
    assert evaluator.run([*write_program("greedy", _GREEDY[engine]), f"--engine={engine}", "--memory=200", "--timeout=60"]) == (
        1,
        (
            "ERROR: //:greedy: the program uses more than 200 MiB of memory; make it smaller, try another engine, "
            "or raise the limit with --//rules/jsonnet:memory=MIB\n"
        ),
    )
    assert evaluator.run(write_program("b", "2")) == (0, "")


@pytest.mark.parametrize("target", [["--out=one", "--out=two"], ["--out_dir=out"]])
def test_a_killed_rendering_leaves_no_files(evaluator: worker.Evaluator, monkeypatch: pytest.MonkeyPatch, target: list[str]) -> None:
    """When a limit stops the evaluator, its partial and its finished outputs are removed."""
    replace = os.replace

    def slow(source: str, destination: str) -> None:
        replace(source, destination) if destination == "one" else time.sleep(60)

    monkeypatch.setattr(os, "replace", slow)
    Path("p.jsonnet").write_text("{ one: 1, two: 2 }")

    code, message = evaluator.run(["--src=p.jsonnet", "--multiple", "--timeout=1", *target])

    assert code == 1
    assert "did not finish within 1 s" in message
    assert [str(path) for path in Path().rglob("*") if path.is_file()] == ["p.jsonnet"]


def test_a_rendering_killed_when_large_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the kernel kills a large evaluator, the program fails with a message that names it, without a second try."""
    evaluator = worker.Evaluator(memory_limit=1)
    resident_memory = worker.resident_memory

    def kill(pid: int | str = "self") -> int:
        size = resident_memory(pid)
        os.kill(int(pid), signal.SIGKILL)
        return size

    monkeypatch.setattr(worker, "resident_memory", kill)
    code, message = evaluator.run(write_program("endless", ENDLESS))

    assert code == 1
    assert re.fullmatch(
        r"ERROR: //:endless: the Jsonnet engine died \(SIGKILL\) with \d+ MiB of memory in use; "
        "make the program smaller, or free memory\n",
        message,
    )
    assert evaluator.pid == 0


def test_the_kernel_kills_the_evaluator_first(evaluator: worker.Evaluator) -> None:
    """The evaluator has a higher OOM score than the server, because killing the server would fail an action."""
    assert evaluator.run(write_program("a", "1")) == (0, "")
    own, its = (int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in ("self", evaluator.pid))

    assert its == min(own + 300, 1000)


def test_an_internal_error_is_one_line() -> None:
    """An unexpected exception is one line with the label, and the next rendering succeeds."""

    def run(arguments: list[str]) -> tuple[int, str]:
        if "bad" in arguments:
            raise ValueError("what")
        return 0, ""

    evaluator = worker.Evaluator(run=run)

    assert evaluator.run(["--label=//:x", "bad"]) == (1, "ERROR: //:x: internal error (ValueError: what); report it\n")
    assert evaluator.run([]) == (0, "")
    evaluator.stop()


def test_memory_is_bounded() -> None:
    """An evaluator is replaced when it has grown past the limit, and not before."""
    arguments = write_program("big", "std.length([{ a: i } for i in std.range(1, 20000)])")
    evaluator = worker.Evaluator(memory_limit=worker.resident_memory() + 40 * 2**20)
    pids = set()
    for _ in range(12):
        assert evaluator.run(arguments)[0] == 0
        assert evaluator.pid, "run() waited until the evaluator exited"
        evaluator.stop_if_grown()
        if evaluator.pid:
            pids.add(evaluator.pid)
            memory = int(Path(f"/proc/{evaluator.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            assert memory <= evaluator.memory_limit
    evaluator.stop()

    assert 1 < len(pids) < 12
