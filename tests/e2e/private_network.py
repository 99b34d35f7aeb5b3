"""A network namespace for the test, in which the user's cluster does not use the default addresses."""

import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
"""From linux/sched.h; os.unshare exists only since Python 3.12."""


def enter() -> None:
    """Moves this process, and what it starts from now on, into a new network namespace with a loopback interface.

    Raises:
      OSError: the kernel refused, because this process isn't root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace for the test: {os.strerror(code)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
