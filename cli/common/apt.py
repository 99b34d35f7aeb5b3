"""Debian packages: finds out which are missing and installs those."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cluster.common.errors import StepFailed, TurnupError
from cluster.common.process import NOT_FOUND, Runner
from cluster.common.progress import Step

LISTS = Path("/var/lib/apt/lists")
# Seconds to wait for apt's lock: another apt may be running, such as unattended upgrades.
LOCK_TIMEOUT = 300
_OPTIONS = ("-y", "-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT}", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=2")
# The oldest versions that Turnup is tested with, those of Debian 12. An archive that offers older ones is an old release, or a mirror
# that shows an old state.
LOWEST = {
    "bazel-bootstrap": "4.2.3",
    "bazel-platforms": "0.0.2",
    "bazel-rules-java": "4.0.0",
    "bazel-rules-proto": "4.0.0",
    "bazel-skylib": "1.0.3",
    "default-jdk-headless": "2:1.17",
    "gcc": "4:12.2.0",
    "git": "1:2.39",
    "iproute2": "6.1.0",
    "iptables": "1.8.9",
    "maven": "3.8.7",
    "mount": "2.38.1",
    "python3.11": "3.11.2",
    "util-linux": "2.38.1",
}
_PLANNED = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.MULTILINE)
_UNREACHABLE = ("Could not resolve", "Could not connect", "Failed to fetch", "Temporary failure", "Unable to connect")


def missing(packages: Sequence[str], runner: Runner) -> list[str]:
    """Returns the packages that dpkg has not installed, in the given order."""
    known = runner.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", *packages], check=False, timeout=10).output
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def planned(packages: Sequence[str], runner: Runner) -> dict[str, str]:
    """Returns the version of each package that apt would install or upgrade; those that it does not know are left out.

    Raises:
        TurnupError: a version is older than LOWEST.
    """
    plan = runner.run(["apt-get", "--simulate", "--no-install-recommends", "install", *packages], check=False, timeout=60).stdout
    versions = {name: version for name, version in _PLANNED.findall(plan) if name in packages}
    for name, version in versions.items():
        lowest = LOWEST.get(name)
        if lowest and runner.run(["dpkg", "--compare-versions", version, "lt", lowest], check=False, timeout=10).code == 0:
            raise TurnupError(
                f"apt offers {name} {version}, and Turnup needs {lowest} or newer, which Debian 12 has; check the release and the mirror in "
                "/etc/apt/sources.list*, run apt-get update, and start turnup again"
            )
    return versions


def install(packages: Sequence[str], runner: Runner, step: Step, log: Path, *, root: bool, lists: Path = LISTS) -> str:
    """Installs packages with apt-get, after showing their versions.

    Updates the package lists first if there are none. If the installation fails with existing lists, updates them and
    tries once more, because old lists name packages and files that are gone.

    Args:
        packages: the names of missing packages; an empty list does nothing.
        runner: runs apt-get and dpkg.
        step: shows apt's newest line.
        log: the file for apt's output.
        root: whether this process may install packages.
        lists: apt's folder of package lists.

    Returns:
        The packages with the versions that were installed; without a version where apt did not say it.

    Raises:
        TurnupError: this process isn't root, the machine has no apt-get, or apt offers a version that is too old.
        StepFailed: apt-get failed; says whether the network was the reason.
    """
    if not packages:
        return ""
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

    def announced() -> str:
        versions = planned(packages, runner)
        named = ", ".join(f"{name} {versions[name]}" if name in versions else name for name in packages)
        step.note(f"installing {named}")
        return named

    named = announced()
    if run(*install_words):
        return named
    if not fresh and run("apt-get", *_OPTIONS, "update"):
        named = announced()
        if run(*install_words):
            return named
    text = log.read_text(errors="replace") if log.exists() else ""
    tail = "\n".join(text.splitlines()[-15:])
    if any(sign in text for sign in _UNREACHABLE):
        raise StepFailed(f"apt-get could not reach its servers to install {names}; check the network and run turnup again", log, tail)
    raise StepFailed(f"apt-get could not install {names}; its last lines are above", log, tail)
