"""Tests of the order of a JVM's threads at its start, on a program that stands for one."""

import subprocess
import sys
import threading
import time

import pytest

from rules.image.tools.java.orderly_start import OrderlyJvm
from rules.image.tools.testing.tracing import needs_tracing

# It runs in a thread of its own, as in java's launcher, and starts one with a name that is kept and one with another name. Each
# notes when it runs. The list decides how the program ends.
_PROGRAM = """
import ctypes, os, sys, threading, time
prctl = ctypes.CDLL(None).prctl
notes = []
def named(name, note):
    prctl(15, name)
    notes.append(note)
def main():
    for name, note in ((b"Finalizer", "kept"), (b"Other", "other")):
        threading.Thread(target=named, args=(name, note)).start()
        time.sleep(0.2)
    notes.append("opens the list")
    with open(sys.argv[1]) as file:
        notes.append("opened")
        text = file.read()
    print(*notes, len(text), sep=",", flush=True)
    os._exit(len(text) % 7)
prctl(15, b"java")
threading.Thread(target=main).start()
"""


def _run(tmp_path, content: bytes, program: str = _PROGRAM, timeout: float = 60) -> tuple[int, str]:
    """Runs a program that stands for the JVM; returns its exit code and its output."""
    with (tmp_path / "output").open("w+b") as output:
        jvm = OrderlyJvm(tmp_path / "pipe", content)
        status = jvm.run([sys.executable, "-c", program, tmp_path / "pipe"], {}, tmp_path, output, timeout)
    assert not (tmp_path / "pipe").exists()
    return status, (tmp_path / "output").read_text()


@needs_tracing
def test_kept_threads_run_only_when_the_list_is_opened(tmp_path) -> None:
    """A thread of the JVM that loads classes runs after the main thread opens the list; other threads run at once."""
    status, said = _run(tmp_path, b"a/A\n" * 100_000)

    assert said in ("other,opens the list,kept,opened,400000\n", "other,opens the list,opened,kept,400000\n")
    assert status == 400_000 % 7


def test_a_program_that_ends_early_is_not_waited_for(tmp_path) -> None:
    """The exit code is that of the program, also of one that never opens the list or does not read all of it."""
    assert _run(tmp_path, b"x", "import sys; sys.exit(3)") == (3, "")
    assert _run(tmp_path, b"x" * 1_000_000, "import sys; open(sys.argv[1]).read(1); sys.exit(4)") == (4, "")
    assert _run(tmp_path, b"x", "import os; os.kill(os.getpid(), 9)") == (-9, "")


def test_a_program_that_hangs_is_ended(tmp_path) -> None:
    """After the time-out the program is gone, with its threads."""
    start = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        _run(tmp_path, b"x", _PROGRAM.replace("notes = []", "notes = []; threading.Thread(target=time.sleep, args=(99,)).start(); time.sleep(99)"), 0.5)
    assert time.monotonic() - start < 30
    assert threading.active_count() == 1


def test_a_program_that_does_not_start_is_an_error(tmp_path) -> None:
    """A missing program is the system's error, and the pipe is gone."""
    with (tmp_path / "output").open("wb") as output, pytest.raises(FileNotFoundError):
        OrderlyJvm(tmp_path / "pipe", b"").run([tmp_path / "none"], {}, tmp_path, output, 9)
