"""Programs that Debian has packages of: finds them on this machine, or unpacks them into the cache.

containerd, runc and the CNI plugins are unpacked and not installed, because an installation would start a service on this
machine or replace the one that Docker installed.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.programs.caches import content_key, get_or_make

__all__ = ["HOST_TOOLS", "container_runtime", "install_host_tools", "missing_host_tools", "network_plugins"]

# Program → Debian package, for the programs of the system that this code and nodes use.
HOST_TOOLS = {"ip": "iproute2", "iptables": "iptables", "mount": "mount", "nsenter": "util-linux"}

_RUNTIME = {"containerd": ((1, 6), ["containerd", "--version"]), "runc": ((1, 1), ["runc", "--version"])}
_RUNTIME_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")
_PLUGINS = ("host-local", "loopback", "portmap", "ptp")
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))


def missing_host_tools() -> dict[str, str]:
    """Returns the system programs that are not on PATH: program → Debian package."""
    return {program: package for program, package in HOST_TOOLS.items() if not shutil.which(program)}


def install_host_tools(progress: Progress, runner: Runner) -> None:
    """Installs the missing system programs with apt; does nothing if none is missing.

    Raises:
        ClusterError: apt failed.
    """
    missing = missing_host_tools()
    if not missing:
        return
    packages = sorted(set(missing.values()))
    plan = runner.run(["apt-get", "--simulate", "--no-install-recommends", "install", *packages], check=False).stdout
    versions = dict(re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", plan, re.MULTILINE))
    with progress.step(f"Installing {', '.join(f'{name} {versions.get(name, str())}'.rstrip() for name in packages)}"):
        _apt(runner, ["install", "--yes", "--no-install-recommends", *packages], f"install {' '.join(packages)}")


def container_runtime(progress: Progress, runner: Runner) -> Path:
    """Returns the folder of containerd and its programs: the system's if it is new enough, otherwise the cache's.

    Raises:
        ClusterError: the download failed.
    """
    installed = shutil.which("containerd")
    if installed and all(shutil.which(program) for program in _RUNTIME_PROGRAMS) and all(_fits(runner, program) for program in _RUNTIME):
        return Path(installed).resolve().parent

    def make(folder: Path) -> None:
        with progress.step("Downloading containerd and runc"):
            for tree in _unpack(runner, ["containerd", "runc"]):
                for program in sorted([*tree.glob("usr/bin/*"), *tree.glob("usr/sbin/*")]):
                    if program.is_file() and not program.is_symlink():
                        shutil.move(program, folder / program.name)

    return get_or_make("debian", content_key(["containerd", "runc", _release()]), make)


def network_plugins(progress: Progress, runner: Runner) -> Path:
    """Returns the folder of the CNI plugins: the system's, otherwise the cache's.

    Raises:
        ClusterError: the download failed.
    """
    for folder in _PLUGIN_FOLDERS:
        if all((folder / plugin).exists() for plugin in _PLUGINS):
            return folder

    def make(folder: Path) -> None:
        with progress.step("Downloading the CNI plugins"):
            for tree in _unpack(runner, ["containernetworking-plugins"]):
                for plugin in sorted(tree.glob("usr/lib/cni/*")):
                    shutil.move(plugin, folder / plugin.name)

    return get_or_make("debian", content_key(["containernetworking-plugins", _release()]), make)


def _fits(runner: Runner, program: str) -> bool:
    wanted, command = _RUNTIME[program]
    if not shutil.which(program):
        return False
    found = re.search(r"\b(\d+)\.(\d+)", runner.run(command, check=False).stdout)
    return found is not None and (int(found[1]), int(found[2])) >= wanted


def _unpack(runner: Runner, packages: list[str]) -> Iterator[Path]:
    """Yields the folder of the unpacked packages, and removes it afterwards."""
    with tempfile.TemporaryDirectory(prefix="turnup-debian-") as folder:
        # apt's own user can't enter this folder, which is private so that nobody can put a file in it.
        _apt(runner, ["-o", "APT::Sandbox::User=root", "download", *packages], f"download {' '.join(packages)}", Path(folder))
        tree = Path(folder, "tree")
        for archive in sorted(Path(folder).glob("*.deb")):
            runner.run(["dpkg-deb", "--extract", str(archive), str(tree)])
        yield tree


def _apt(runner: Runner, arguments: list[str], purpose: str, cwd: Path | None = None) -> None:
    if not shutil.which("apt-get"):
        raise ClusterError(f"apt-get is not on PATH, so Turnup can't {purpose}; use this system's package manager")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    full = {**os.environ, **environment}
    result = runner.run(["apt-get", *arguments], check=False, env=full, cwd=cwd)
    if result.code != 0:
        # A new machine has no package lists. Fetch them and try once more.
        runner.run(["apt-get", "update"], check=False, env=full)
        result = runner.run(["apt-get", *arguments], check=False, env=full, cwd=cwd)
    if result.code != 0:
        reason = next((line.removeprefix("E: ") for line in result.stderr.splitlines() if line.startswith("E: ")), "apt-get failed")
        raise ClusterError(f"apt could not {purpose} ({reason}); check the network and /etc/apt/sources.list, then try again")


def _release() -> str:
    """Returns a text that differs between systems with different packages."""
    try:
        return Path("/etc/os-release").read_text()
    except OSError:
        return ""
