"""A network of the test's own: the default cluster's addresses without the user's cluster in the way."""

import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
"""From linux/sched.h; os.unshare comes with Python 3.12 only."""


def enter() -> None:
    """Moves this process, and all that it starts from now on, into a new network namespace with a loopback.

    Raises:
      OSError: the kernel refused (not root).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"no network namespace for the test: {os.strerror(code)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
