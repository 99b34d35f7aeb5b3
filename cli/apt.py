"""Debian packages: installs what is missing, and only that."""

import os
from collections.abc import Sequence
from pathlib import Path

from cli.errors import StepFailed, TurnupError
from cli.process import Runner
from cli.steps import Step

LISTS = Path("/var/lib/apt/lists")
# Another apt may be at work (unattended upgrades): wait this long for its lock, in seconds.
LOCK_TIMEOUT = 300
_OPTIONS = ("-y", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=2")
_UNREACHABLE = ("Could not resolve", "Could not connect", "Failed to fetch", "Temporary failure", "Unable to connect")


def missing(packages: Sequence[str], runner: Runner) -> list[str]:
    """Returns those of the packages that dpkg does not have installed, in the order given."""
    _, known = runner.output(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", *packages])
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def install(packages: Sequence[str], runner: Runner, step: Step, log: Path, *, root: bool, lists: Path = LISTS) -> None:
    """Installs packages with apt-get.

    The package lists are fetched where there are none, and once more where apt does not know a package or a file that
    the lists name is gone: that is when they are too old.

    Args:
        packages: names, all of them missing; an empty list does nothing.
        runner: runs apt-get and dpkg.
        step: shows apt's latest line.
        log: where apt's output goes.
        root: whether this process may install.
        lists: apt's folder of package lists.

    Raises:
        TurnupError: not root, or no apt-get.
        StepFailed: apt-get failed; says whether the network was the reason.
    """
    if not packages:
        return
    names = " ".join(packages)
    if runner.output(["apt-get", "--version"])[0] == 127:
        raise TurnupError(f"this machine has no apt-get: install what Debian calls {names} by hand and run turnup again")
    if not root:
        raise TurnupError(f"missing packages: ask root for `apt-get install {names}`, or run turnup as root")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "a"}

    def run(*words: str) -> bool:
        return runner.run([*words], env=env, log=log, on_line=step.note) == 0

    # An apt that was killed in the middle leaves half-configured packages, and refuses to work until this has run.
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
        raise StepFailed(f"apt-get could not reach its servers to install {names}: check the network and run turnup again", log, tail)
    raise StepFailed(f"apt-get could not install {names}: its last lines are above", log, tail)
