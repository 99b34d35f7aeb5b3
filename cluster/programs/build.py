"""Builds the embedded cluster's programs, once per content.

Each Go module in embedded/ becomes one executable in a cache folder. The folder's name is a hash of the sources, the build
flags and the Go version. The version of Kubernetes is read from embedded/kubernetes/go.mod.
"""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import ProcessRunner, Runner
from cluster.common.progress import Progress, SilentProgress
from cluster.images.archives import executable_image
from cluster.programs import debian
from cluster.programs.binaries import DNS_IMAGE, PAUSE_IMAGE, Binaries
from cluster.programs.caches import content_key, get_or_make
from cluster.programs.space import check_space
from cluster.programs.toolchain import Go, find_go

__all__ = ["Module", "build_module", "ensure", "kubernetes_version", "module_key", "modules"]

_SOURCES = Path(__file__).resolve().parent.parent / "embedded"
_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "local-path-provisioner")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Module:
    """One Go module.

    Attributes:
        folder: its folder in embedded/.
        executable: the name of the executable that it becomes.
        links: more names of that executable.
        ldflags: flags for the linker.
        minutes: how long the build takes, roughly, on two cores with nothing cached.
        gigabytes: the size of its downloads, compiled packages and executable.
        package: what to build: "." for the module's own folder, or another module's program by its import path.
    """

    folder: str
    executable: str
    links: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ("-s", "-w")
    minutes: float = 0.2
    gigabytes: float = 0.2
    package: str = "."


def kubernetes_version(sources: Path = _SOURCES) -> str:
    """Returns the version of Kubernetes that clusters run, for example v1.2.3, as kubernetes/go.mod requires it.

    Args:
        sources: the folder of all modules.

    Raises:
        ClusterError: go.mod is missing, or requires no release of k8s.io/kubernetes.
    """
    path = sources / "kubernetes" / "go.mod"
    try:
        found = re.search(r"^(?:require)?\s+k8s\.io/kubernetes (v\d+\.\d+\.\d+)\s*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    except FileNotFoundError:
        raise ClusterError(f"{path}: the file is missing, so the version of Kubernetes is unknown. Restore the file from git.") from None
    if found is None:
        raise ClusterError(f"{path}: requires no release of k8s.io/kubernetes. Add one to its require block, for example k8s.io/kubernetes v1.2.3.")
    return found[1]


def _version_flags() -> tuple[str, ...]:
    """Returns the flags that stamp the version of Kubernetes; without them, nodes report v0.0.0-master."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    facts = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(flag for package in packages for name, value in facts.items() for flag in ("-X", f"{package}.{name}={value}"))


@cache
def modules() -> tuple[Module, ...]:
    """Returns the modules that a cluster needs, Kubernetes first.

    Raises:
        ClusterError: kubernetes/go.mod does not tell the version; see kubernetes_version.
    """
    return (
        Module("kubernetes", "kube", _PROGRAMS, ("-s", "-w", *_version_flags()), minutes=6, gigabytes=5),
        Module("etcd", "etcd", minutes=0.5, gigabytes=0.5),
        Module("coredns", "coredns", minutes=1.5, gigabytes=1),
        Module("nodeinit", "nodeinit"),
    )


def ensure(progress: Progress | None = None, runner: Runner | None = None) -> Binaries:
    """Builds or downloads everything that nodes run, unless the cache has it.

    Args:
        progress: shows the steps; None for a silent one.
        runner: runs programs; None for a ProcessRunner.

    Returns:
        Where the programs are.

    Raises:
        ClusterError: a build or download failed.
    """
    progress, runner = progress or SilentProgress(), runner or ProcessRunner()
    go = find_go(runner)
    folders = {module.folder: build_module(module, go, progress, runner) for module in modules()}
    return Binaries(
        kubernetes=folders["kubernetes"],
        etcd=folders["etcd"],
        nodeinit=folders["nodeinit"],
        runtime=debian.container_runtime(progress, runner),
        cni=debian.network_plugins(progress, runner),
        images=(
            _image("pause", PAUSE_IMAGE, folders["nodeinit"] / "nodeinit", ["/bin/nodeinit", "pause"]),
            _image("coredns", DNS_IMAGE, folders["coredns"] / "coredns", ["/bin/coredns"]),
        ),
    )


def module_key(module: Module, go_version: str, sources: Path = _SOURCES) -> str:
    """Returns the name of a module's cache folder: a hash of everything that its executable depends on.

    Args:
        module: the module.
        go_version: the version of Go that builds it.
        sources: the folder of all modules.
    """
    folder = sources / module.folder
    files = sorted(path for path in folder.rglob("*") if path.suffix == ".go" or path.name in ("go.mod", "go.sum"))
    parts: list[str | bytes] = [go_version, platform.machine(), *module.ldflags, *module.links]
    for path in files:
        if not path.name.endswith("_test.go"):
            parts += [str(path.relative_to(folder)), path.read_bytes()]
    return content_key(parts)


def build_module(module: Module, go: Go, progress: Progress, runner: Runner, sources: Path = _SOURCES) -> Path:
    """Builds a module, unless the cache has it.

    Args:
        module: the module.
        go: the Go toolchain.
        progress: shows the step.
        runner: runs Go.
        sources: the folder of all modules.

    Returns:
        The folder of its executable.

    Raises:
        ClusterError: the build failed, or the disk has too little room for it.
    """

    def make(folder: Path) -> None:
        check_space(folder, int(module.gigabytes * 1e9), f"building {module.executable}", "XDG_CACHE_HOME")
        # A download of Go is a step of its own, before the build's step.
        go_program = str(go.executable(progress, runner))
        with progress.step(f"Building {module.executable} (about {module.minutes:g} min the first time)"):
            environment = {
                **os.environ,
                "CGO_ENABLED": "0",  # links statically, because nodes have no libraries of their own
                "GOFLAGS": "-mod=readonly",
                "GOTOOLCHAIN": "local",  # never downloads another toolchain
                "GOWORK": "off",
            }
            command = [go_program, "build", "-trimpath", "-buildvcs=false", "-ldflags", " ".join(module.ldflags)]
            runner.run([*command, "-o", str(folder / module.executable), module.package], env=environment, cwd=sources / module.folder)
            for name in module.links:
                (folder / name).symlink_to(module.executable)

    return get_or_make(module.folder, module_key(module, go.version, sources), make)


def _image(kind: str, name: str, executable: Path, command: list[str]) -> Path:
    """Returns the archive of an image with one executable; the executable's own key is part of its key."""

    def make(folder: Path) -> None:
        executable_image(folder / f"{kind}.tar", name, executable, command, architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()))

    return get_or_make(f"images/{kind}", content_key([executable.parent.name, name, *command]), make) / f"{kind}.tar"
