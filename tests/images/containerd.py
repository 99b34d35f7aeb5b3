"""A containerd of a test: the one that nodes of embedded clusters run, with folders and a socket of its own.

    with Containerd(folder) as containerd:
        containerd.load(archive)
        facts = containerd.facts("docker.io/test/image:1", folder / "root")

It needs root, because containerd gives files their owners and lays layers over each other with mounts. All of its mounts are in
a mount namespace that ends with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cluster.common.process import ProcessRunner
from cluster.common.progress import SilentProgress
from cluster.programs.debian import container_runtime
from rules.image.tools.testing import trees

_START_SECONDS = 30
_CONFIG = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{folder}/sock"
[ttrpc]
  address = "{folder}/ttrpc"
"""
_IN_NAMESPACE = ("unshare", "--mount", "--propagation", "private")


class Containerd:
    """A running containerd, as a context manager.

    Args:
        folder: an empty folder with a short path, because it has sockets.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = container_runtime(SilentProgress(), ProcessRunner())
        self._ctr = [str(self._programs / "ctr"), "--address", str(folder / "sock")]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        config = self._folder / "config.toml"
        config.write_text(_CONFIG.format(folder=self._folder))
        with open(self._folder / "log", "wb") as log:
            # It ends with the test, however that ends.
            command = [*_IN_NAMESPACE, "setpriv", "--pdeathsig", "KILL", str(self._programs / "containerd"), "--config", str(config)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while subprocess.run([*self._ctr, "version"], capture_output=True, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                raise AssertionError(f"containerd does not answer: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def load(self, archive: Path) -> None:
        """Imports an archive's images and unpacks their layers."""
        self._run(*self._ctr, "images", "import", str(archive))

    def facts(self, image: str, place: Path) -> dict[str, list[Any]]:
        """Returns what a container of an image would see of its files; see trees.facts.

        Args:
            image: the image's full name.
            place: an empty folder to mount it at.
        """
        mount = " ".join([*self._ctr, "images", "mount", image, str(place)])
        found: dict[str, list[Any]] = json.loads(self._run(*_IN_NAMESPACE, "sh", "-ec", f"{mount} >&2; exec {sys.executable} {trees.__file__} {place}"))
        return found

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
        return done.stdout
