"""Building the embedded cluster's programs, once per content.

Each Go module of embedded/ becomes one executable in a cache folder whose key
covers its sources, the build flags and the Go version.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from cluster import debian
from cluster.binaries import Binaries
from cluster.caches import kept, key_of
from cluster.embedded.addons import DNS_IMAGE
from cluster.embedded.containerd import PAUSE_IMAGE
from cluster.images import executable_image
from cluster.progress import Progress, SilentProgress
from cluster.runner import Runner, SystemRunner
from cluster.space import check_space
from cluster.toolchain import Go, find_go

__all__ = ["KUBERNETES_VERSION", "MODULES", "Module", "build_module", "ensure"]

KUBERNETES_VERSION = "v1.34.4"  # as in embedded/kubernetes/go.mod; a test compares
_SOURCES = Path(__file__).resolve().parent / "embedded"
_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "local-path-provisioner")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Module:
    """One Go module: its folder, the executable it becomes, further names of that, what it takes.

    minutes: roughly, on two cores with nothing cached. gigabytes: of downloads,
    compiled packages and the result. package: what to build, "." for the module's
    own folder; another module's program by its import path.
    """

    folder: str
    executable: str
    links: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ("-s", "-w")
    minutes: float = 0.2
    gigabytes: float = 0.2
    package: str = "."


def _version_flags() -> tuple[str, ...]:
    """Flags that stamp Kubernetes' version: without them nodes say v0.0.0-master."""
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
    """Everything that nodes run, built or downloaded where it is absent.

    Raises ClusterError when a build or download fails.
    """
    progress, runner = progress or SilentProgress(), runner or SystemRunner()
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
    """What a module's cache folder is called: a hash of all that makes its executable."""
    folder = sources / module.folder
    files = sorted(path for path in folder.rglob("*") if path.suffix == ".go" or path.name in ("go.mod", "go.sum"))
    parts: list[str | bytes] = [go_version, platform.machine(), *module.ldflags, *module.links]
    for path in files:
        if not path.name.endswith("_test.go"):
            parts += [str(path.relative_to(folder)), path.read_bytes()]
    return key_of(parts)


def build_module(module: Module, go: Go, progress: Progress, runner: Runner, sources: Path = _SOURCES) -> Path:
    """The folder that a module's executable is in, built where it is absent.

    sources: the folder that module.folder is in. Raises ClusterError when the
    build fails.
    """

    def make(folder: Path) -> None:
        check_space(folder, int(module.gigabytes * 1e9), f"building {module.executable}", "XDG_CACHE_HOME")
        # Before the step: the line that stays on the screen for minutes must be the one about building.
        go_program = str(go.executable(progress))
        with progress.step(f"Building {module.executable} (about {module.minutes:g} min the first time)"):
            environment = {
                **os.environ,
                "CGO_ENABLED": "0",  # static: nothing of this machine is needed to run it
                "GOFLAGS": "-mod=readonly",
                "GOTOOLCHAIN": "local",  # never fetch another toolchain
                "GOWORK": "off",
            }
            command = [go_program, "build", "-trimpath", "-buildvcs=false", "-ldflags", " ".join(module.ldflags)]
            runner.run([*command, "-o", str(folder / module.executable), module.package], env=environment, cwd=sources / module.folder)
            for name in module.links:
                (folder / name).symlink_to(module.executable)

    return kept(module.folder, module_key(module, go.version, sources), make)


def _image(kind: str, name: str, executable: Path, command: list[str]) -> Path:
    """The archive of an image that holds one executable; named after the executable's own key."""

    def make(folder: Path) -> None:
        executable_image(folder / f"{kind}.tar", name, executable, command, architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()))

    return kept(f"images/{kind}", key_of([executable.parent.name, name, *command]), make) / f"{kind}.tar"
