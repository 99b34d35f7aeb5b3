"""Tests of running programs and of the fake that ships."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.runner import FakeRunner, Result, SystemRunner


def test_streams_and_input(tmp_path: Path) -> None:
    """A program gets its input from text or file, and both of its streams are kept."""
    program = [sys.executable, "-c", "import sys; print(sys.stdin.read()); print('e', file=sys.stderr)"]
    (tmp_path / "input").write_text("from file")

    assert SystemRunner().run(program, stdin="from text") == Result(0, "from text\n", "e\n")
    assert SystemRunner().run(program, stdin=tmp_path / "input").stdout == "from file\n"
    assert SystemRunner().run(program).stdout == "\n"


def test_failure_is_a_sentence() -> None:
    """A failed program is named with its exit code and its last words."""
    program = [sys.executable, "-c", "import sys; print('first\\nlast', file=sys.stderr); sys.exit(3)"]

    assert SystemRunner().run(program, check=False).code == 3
    with pytest.raises(ClusterError, match="exit code 3: first; last"):
        SystemRunner().run(program)


def test_absent_program() -> None:
    """A program that is not there leads to doctor."""
    with pytest.raises(ClusterError, match="no-such-program is not installed.*doctor"):
        SystemRunner().run(["no-such-program"])


def test_hanging_program() -> None:
    """A program that does not end is stopped and named."""
    with pytest.raises(ClusterError, match="did not end within 0.2 s"):
        SystemRunner().run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_fake_takes_the_longest_beginning() -> None:
    """The fake remembers its calls and gives the most specific answer."""
    runner = FakeRunner({"ip": Result(0, "general"), "ip link": lambda args: Result(0, args[-1]), "bad": Result(1, "", "no")})

    assert [runner.run(args).stdout for args in (["ip", "address"], ["ip", "link", "show"], ["other"])] == ["general", "show", ""]
    with pytest.raises(ClusterError, match="no"):
        runner.run(["bad"])
    assert runner.lines() == ["ip address", "ip link show", "other", "bad"]
