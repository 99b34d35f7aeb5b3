"""A mark for tests of programs that are traced, see ptrace(2): some containers forbid it."""

import subprocess
import sys

import pytest

# PTRACE_TRACEME: the parent may trace this process, which ends without a stop.
_ASK = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)"

needs_tracing = pytest.mark.skipif(
    subprocess.run([sys.executable, "-ISc", _ASK], check=False).returncode != 0,
    reason="this machine lets no process trace another, so the order of a JVM's threads cannot be held",
)
