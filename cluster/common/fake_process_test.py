"""Tests of the fake runner: which answer a command gets, and what is recorded."""

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result


def test_the_longest_beginning_wins():
    """The fake records its calls and gives the most specific answer."""
    runner = FakeRunner({"ip": Result(0, "general"), "ip link": lambda args: Result(0, args[-1]), "bad": Result(1, "", "no")})

    assert [runner.run(args).stdout for args in (["ip", "address"], ["ip", "link", "show"], ["other"])] == ["general", "show", ""]
    with pytest.raises(ClusterError, match="no"):
        runner.run(["bad"])
    assert runner.lines() == ["ip address", "ip link show", "other", "bad"]


def test_the_newest_answer_wins():
    """An answer for words anywhere in the command replaces an earlier one for the same words."""
    runner = FakeRunner()
    runner.answer("build", code=1)
    runner.answer("build", code=0, output="ok")

    assert runner.run(["bazel", "build"]) == Result(0, "ok")
    assert runner.count("build") == 1


def test_a_streamed_command(tmp_path):
    """A streamed command writes its answer to the log and reports each line."""
    runner, lines, done = FakeRunner(), [], []
    runner.answer("make", code=2, output="a\nb", then=lambda: done.append(1))

    assert runner.stream(["make"], env={"A": "1"}, log=tmp_path / "log", on_line=lines.append) == 2
    assert (lines, done, runner.envs) == (["a", "b"], [1], [{"A": "1"}])
    assert (tmp_path / "log").read_text() == "a\nb\n"
