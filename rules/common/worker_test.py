"""Tests of the worker protocol."""

import io
import json
import os

import pytest

from rules.common import worker


def _stream(tmp_path, data: bytes):
    (tmp_path / "requests").write_bytes(data)
    return open(tmp_path / "requests", "rb")


def test_requests_are_split_wherever_they_end(tmp_path) -> None:
    """Consecutive objects are split with or without space between them, even with braces in their text."""
    with _stream(tmp_path, b'{"a": "}{"}{"b": {}} \n {"c": "\xc3\xa4"}\n') as stream:
        assert list(worker.messages(stream)) == [{"a": "}{"}, {"b": {}}, {"c": "ä"}]


def test_a_request_that_arrives_in_pieces_is_put_together() -> None:
    """A request is answered only after all of it arrived."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as out:
        out.write(b'{"a": {"b": "\xc3')
        out.write(b'\xa4"}')
        out.write(b"}")
        assert next(worker.messages(stream)) == {"a": {"b": "ä"}}


def test_requests_that_end_in_the_middle_are_an_error(tmp_path) -> None:
    """A broken stream ends the worker with an error."""
    with _stream(tmp_path, b'{"a": ') as stream, pytest.raises(worker.ProtocolError, match="cut off"):
        list(worker.messages(stream))


def test_a_defect_fails_its_action_only(tmp_path) -> None:
    """An unexpected exception is printed, with exit code 1."""
    answers = io.BytesIO()
    with _stream(tmp_path, b'{"requestId": 3}{"arguments": ["0"]}') as stream:
        code = worker.serve(lambda arguments, stderr: 1 // len(arguments), stream, answers, "test")
    failed, done = map(json.loads, answers.getvalue().splitlines())

    assert code == 0 and (failed["exitCode"], failed["requestId"]) == (1, 3) and "ZeroDivisionError" in failed["output"]
    assert done == {"exitCode": 1, "output": "", "requestId": 0}


def test_a_wrong_command_line_is_an_answer(tmp_path) -> None:
    """A SystemExit, which argparse raises, fails its own action with its exit code."""

    def refuse(arguments, stderr):
        print("usage", file=stderr)
        raise SystemExit(2)

    answers = io.BytesIO()
    with _stream(tmp_path, b'{"requestId": 1}{"requestId": 2, "cancel": true}') as stream:
        worker.serve(refuse, stream, answers, "test")

    assert json.loads(answers.getvalue()) == {"exitCode": 2, "output": "usage\n", "requestId": 1}
