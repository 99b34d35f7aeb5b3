"""Public registries, clients and other programs for tests and benchmarks: built from Go modules, or unpacked from Debian packages.

Nothing is installed on the machine: Go builds are kept in Turnup's cache, and packages are unpacked to a folder.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.programs.build import Module, build_module
from cluster.programs.toolchain import find_go

_MODULES = Path(__file__).resolve().parents[2] / "third_party/go"
_DISTRIBUTION = Module("distribution", "registry", minutes=0.7, gigabytes=0.6)
_CRANE = Module("crane", "crane", minutes=0.4, gigabytes=0.3)
_KUBE_SCORE = Module("kube_score", "kube-score", minutes=1, gigabytes=0.5, package="github.com/zegl/kube-score/cmd/kube-score")
# Folders of @debian_registry and @debian_clients in the runfiles.
_REGISTRY_PACKAGES = Path("../debian_registry")
_CLIENT_PACKAGES = Path("../debian_clients")


def _built(module: Module) -> Path:
    runner = ProcessRunner()
    return build_module(module, find_go(runner, _MODULES), Progress(), runner, _MODULES) / module.executable


def distribution() -> Path:
    """Returns the path of the distribution project's registry, version 3; the first call on a machine builds it."""
    return _built(_DISTRIBUTION)


def crane() -> Path:
    """Returns the path of go-containerregistry's client; the first call on a machine builds it."""
    return _built(_CRANE)


def kube_score() -> Path:
    """Returns the path of kube-score, which looks for mistakes in manifests; the first call on a machine builds it."""
    return _built(_KUBE_SCORE)


def docker_registry(folder: Path) -> Path:
    """Unpacks Debian's docker-registry, version 2.8, to a folder and returns its path."""
    _unpack(_REGISTRY_PACKAGES / "docker-registry.deb", folder)
    return folder / "usr/bin/docker-registry"


class Clients:
    """skopeo and umoci, unpacked from Debian's packages.

    Args:
        folder: existing folder to unpack them to.
    """

    def __init__(self, folder: Path) -> None:
        for package in sorted(_CLIENT_PACKAGES.glob("*.deb")):
            _unpack(package, folder)
        self._folder = folder
        policy = folder / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def skopeo(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Runs skopeo and returns its output; an error fails the test."""
        return self._run("skopeo", "--policy", str(self._folder / "policy.json"), *arguments, environment=environment)

    def umoci(self, *arguments: str) -> str:
        """Runs umoci and returns its output; an error fails the test."""
        return self._run("umoci", *arguments)

    def _run(self, program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        libraries = ":".join(str(path.parent) for path in (self._folder / "usr/lib").glob("*/libgpgme.so.*"))
        libraries += ":" + ":".join(str(path.parent) for path in (self._folder / "lib").glob("*/libdevmapper.so.*"))
        settings = {**os.environ, "LD_LIBRARY_PATH": libraries, "XDG_RUNTIME_DIR": str(self._folder), **(environment or {})}
        done = subprocess.run([self._folder / "usr/bin" / program, *arguments], env=settings, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr}"
        return done.stdout


def _unpack(package: Path, folder: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True)
