"""Builds the embedded cluster's programs, once per content.

Each Go module in embedded/ becomes one executable in a cache folder. The folder's name is a hash of the sources, the build
flags and the Go version.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from cluster.common.process import ProcessRunner, Runner
from cluster.common.progress import Progress, SilentProgress
from cluster.images.archives import executable_image
from cluster.programs import debian
from cluster.programs.binaries import DNS_IMAGE, PAUSE_IMAGE, Binaries
from cluster.programs.caches import content_key, get_or_make
from cluster.programs.space import check_space
from cluster.programs.toolchain import Go, find_go

__all__ = ["KUBERNETES_VERSION", "MODULES", "Module", "build_module", "ensure", "module_key"]

KUBERNETES_VERSION = "v1.34.4"  # the same as in embedded/kubernetes/go.mod, which a test checks
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


def _version_flags() -> tuple[str, ...]:
    """Returns the flags that stamp the version of Kubernetes; without them, nodes report v0.0.0-master."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    facts = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(flag for package in packages for name, value in facts.items() for flag in ("-X", f"{package}.{name}={value}"))


MODULES = (
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
    folders = {module.folder: build_module(module, go, progress, runner) for module in MODULES}
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
