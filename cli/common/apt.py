"""Debian packages: finds out which are missing and installs those."""

import os
from collections.abc import Sequence
from pathlib import Path

from cluster.common.errors import StepFailed, TurnupError
from cluster.common.process import NOT_FOUND, Runner
from cluster.common.progress import Step

LISTS = Path("/var/lib/apt/lists")
# Seconds to wait for apt's lock: another apt may be running, such as unattended upgrades.
LOCK_TIMEOUT = 300
_OPTIONS = ("-y", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=2")
_UNREACHABLE = ("Could not resolve", "Could not connect", "Failed to fetch", "Temporary failure", "Unable to connect")


def missing(packages: Sequence[str], runner: Runner) -> list[str]:
    """Returns the packages that dpkg has not installed, in the given order."""
    known = runner.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", *packages], check=False, timeout=10).output
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def install(packages: Sequence[str], runner: Runner, step: Step, log: Path, *, root: bool, lists: Path = LISTS) -> None:
    """Installs packages with apt-get.

    Updates the package lists first if there are none. If the installation fails with existing lists, updates them and
    tries once more, because old lists name packages and files that are gone.

    Args:
        packages: the names of missing packages; an empty list does nothing.
        runner: runs apt-get and dpkg.
        step: shows apt's newest line.
        log: the file for apt's output.
        root: whether this process may install packages.
        lists: apt's folder of package lists.

    Raises:
        TurnupError: this process isn't root, or the machine has no apt-get.
        StepFailed: apt-get failed; says whether the network was the reason.
    """
    if not packages:
        return
    names = " ".join(packages)
    if runner.run(["apt-get", "--version"], check=False, timeout=10).code == NOT_FOUND:
        raise TurnupError(f"this machine has no apt-get; install what Debian calls {names} yourself and run turnup again")
    if not root:
        raise TurnupError(f"packages are missing; ask root to run `apt-get install {names}`, or run turnup as root")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "a"}

    def run(*words: str) -> bool:
        return runner.stream([*words], env=env, log=log, on_line=step.note) == 0

    # An apt that was killed leaves half-configured packages, and apt refuses to work until this has run.
    run("dpkg", "--configure", "-a")
    install_words = ("apt-get", *_OPTIONS, "--no-install-recommends", "install", *packages)
    fresh = not any(lists.glob("*_Packages*"))
    if fresh:
        run("apt-get", *_OPTIONS, "update")
    if run(*install_words):
        return
    if not fresh and run("apt-get", *_OPTIONS, "update") and run(*install_words):
        return
    text = log.read_text(errors="replace") if log.exists() else ""
    tail = "\n".join(text.splitlines()[-15:])
    if any(sign in text for sign in _UNREACHABLE):
        raise StepFailed(f"apt-get could not reach its servers to install {names}; check the network and run turnup again", log, tail)
    raise StepFailed(f"apt-get could not install {names}; its last lines are above", log, tail)
