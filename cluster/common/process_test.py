"""Tests of child processes: exit codes, output and signals."""

import os
import signal
import sys
import threading
import time

import pytest

from cluster.common import errors, process


def wait_for(path, deadline=10.0):
    """Waits until a file exists."""
    end = time.monotonic() + deadline
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear within {deadline} s"
        time.sleep(0.02)


def run_to_interruption(runner, argv):
    """Runs a command that will be interrupted; for use in a thread."""
    with pytest.raises(errors.Interrupted):
        runner.stream(argv)


def test_exit_codes():
    """A child's exit code is returned; a signal is 128 + N, and a missing program 127."""
    with process.ProcessRunner() as runner:
        assert runner.stream(["sh", "-c", "exit 7"]) == 7
        assert runner.stream(["sh", "-c", "kill -9 $$"]) == 137
        assert runner.stream(["/nonexistent/program"]) == 127
        assert runner.run(["/nonexistent/program"], check=False) == process.Result(127)


def test_log_and_lines(tmp_path):
    """Both streams go to the log, and each line is reported as it arrives."""
    log, lines = tmp_path / "log", []
    with process.ProcessRunner() as runner:
        runner.stream(["sh", "-c", "echo one; echo two >&2"], log=log, on_line=lines.append)

    assert lines == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"


def test_grandchild_that_keeps_the_pipe(tmp_path):
    """A daemon that inherits the output does not delay the end of the step."""
    began = time.monotonic()
    with process.ProcessRunner() as runner:
        assert runner.stream(["sh", "-c", "sleep 8 & exit 0"], log=tmp_path / "log") == 0

    assert time.monotonic() - began < 5


def test_output_that_is_not_utf8():
    """A byte that is not UTF-8 is replaced, or kept for names of files."""
    with process.ProcessRunner() as runner:
        assert runner.run(["printf", "\\377"]).stdout == "\ufffd"
        assert os.fsencode(runner.run(["printf", "\\377"], errors="surrogateescape").stdout) == b"\xff"


def test_slow_question_is_given_up():
    """A program that does not answer is killed after its timeout."""
    with process.ProcessRunner() as runner:
        assert runner.run(["sleep", "20"], check=False, timeout=0.2) == process.Result(124)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_reaches_the_child_once(tmp_path, signum):
    """The child gets the signal once and can end in its own way; then the run ends as interrupted."""
    ready, got = tmp_path / "ready", tmp_path / "got"
    child = (
        "import signal, sys, time, pathlib\n"
        f"def stop(n, f): open({str(got)!r}, 'a').write(f'{{n}} '); sys.exit(0)\n"
        f"signal.signal({int(signum)}, stop)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(20)\n"
    )

    def send():
        wait_for(ready)
        os.kill(os.getpid(), signum)

    threading.Thread(target=send).start()
    with process.ProcessRunner() as runner, pytest.raises(errors.Interrupted) as caught:
        runner.stream([sys.executable, "-c", child])

    assert got.read_text() == f"{int(signum)} "
    assert caught.value.exit_code == 128 + signum


def test_signal_without_a_child():
    """A signal that arrives while no child runs ends the run too."""

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    with process.ProcessRunner(), pytest.raises(errors.Interrupted):
        interrupt()


def test_deaf_child_is_killed(tmp_path, monkeypatch):
    """A child that ignores the signal is killed after the grace period."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.3)
    ready = tmp_path / "ready"

    def send():
        wait_for(ready)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=send).start()
    began = time.monotonic()
    with process.ProcessRunner() as runner, pytest.raises(errors.Interrupted):
        runner.stream(["sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"])

    assert time.monotonic() - began < 10


def test_child_that_cleans_up_is_left_to_it(tmp_path):
    """A child that is still cleaning up after a signal gets no second one when the run ends."""
    got = tmp_path / "got"
    script = f"trap 'echo INT >> {got}; sleep 1; echo clean >> {got}; exit 0' INT; trap 'echo TERM >> {got}; exit 1' TERM; "
    slow = [*["sh", "-c"], script + f"touch {tmp_path}/slow; while :; do sleep 0.1; done"]
    quick = [*["sh", "-c"], f"touch {tmp_path}/quick; exec sleep 20"]

    def send():
        wait_for(tmp_path / "slow")
        wait_for(tmp_path / "quick")
        os.kill(os.getpid(), signal.SIGINT)

    with process.ProcessRunner() as runner:
        other = threading.Thread(target=run_to_interruption, args=(runner, slow))
        other.start()
        threading.Thread(target=send).start()
        with pytest.raises(errors.Interrupted):
            runner.stream(quick)
        runner.stop()
        other.join(timeout=20)

    assert got.read_text() == "INT\nclean\n"


def test_handlers_are_restored():
    """After the runner, the earlier signal handlers are in place again."""
    before = signal.getsignal(signal.SIGINT)
    with process.ProcessRunner():
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before


def test_streams_and_input(tmp_path):
    """A program gets its input from a text or a file, and both of its streams are captured."""
    program = [sys.executable, "-c", "import sys; print(sys.stdin.read()); print('e', file=sys.stderr)"]
    (tmp_path / "input").write_text("from file")

    assert process.ProcessRunner().run(program, stdin="from text") == process.Result(0, "from text\n", "e\n")
    assert process.ProcessRunner().run(program, stdin=tmp_path / "input").stdout == "from file\n"
    assert process.ProcessRunner().run(program).stdout == "\n"


def test_failure_is_a_sentence():
    """The error for a failed program has its exit code and its last lines."""
    program = [sys.executable, "-c", "import sys; print('first\\nlast', file=sys.stderr); sys.exit(3)"]

    assert process.ProcessRunner().run(program, check=False).code == 3
    with pytest.raises(errors.ClusterError, match="exit code 3: first; last"):
        process.ProcessRunner().run(program)


def test_absent_program():
    """The error for a missing program names doctor."""
    with pytest.raises(errors.ClusterError, match="no-such-program is not installed.*doctor"):
        process.ProcessRunner().run(["no-such-program"])


def test_hanging_program():
    """A program that exceeds its timeout is killed, and the error names it."""
    with pytest.raises(errors.ClusterError, match="did not finish within 0.2 s"):
        process.ProcessRunner().run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
