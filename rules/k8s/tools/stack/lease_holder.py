"""The process that holds a lease, identified so that others can tell whether it still runs."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

PROCESS = "turnup/process"


@dataclass(frozen=True)
class Process:
    """A process, so that others can tell whether it still runs.

    Attributes:
        machine: identifies the running kernel and its PID namespace, "" where they are unknown.
        pid: its process ID.
        started: when it started, in the kernel's clock ticks since boot.
    """

    machine: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.machine}:{self.pid}:{self.started}"

    @staticmethod
    def parse(text: str) -> Process | None:
        """Returns the process that `str` turned into text, None for any other text."""
        parts = text.split(":")
        if len(parts) != 3 or not parts[0] or not parts[1].isdecimal():
            return None
        return Process(parts[0], int(parts[1]), parts[2])


def this_process() -> Process:
    """Returns the running process."""
    return Process(_machine(), os.getpid(), _started(os.getpid()))


def is_gone(process: Process) -> bool:
    """Returns whether a process of this machine has ended; False for processes of other machines."""
    return bool(process.machine) and process.machine == _machine() and _started(process.pid) != process.started


def _machine() -> str:
    """Returns an id of this kernel and PID namespace, outside of which process IDs have no meaning; "" if unknown."""
    try:
        facts = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii") + os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _started(pid: int) -> str:
    """Returns when a running process started, in clock ticks since boot; "" for one that has ended."""
    try:
        # Counted after the name, which can contain spaces and parentheses: state is field 3, start time field 22.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def holder_name() -> str:
    """Returns this process in a form for people: user@host (pid N)."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (pid {os.getpid()})"
