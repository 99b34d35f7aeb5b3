"""Tests of pushing to Debian's docker-registry 2.8, the real program, on a port of this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Iterator

import pytest

from rules.image.tools import debs
from rules.image.tools.entries import Tree, content
from rules.image.tools.errors import PushError
from rules.image.tools.push import Image, exists, push_all
from rules.image.tools.registry import Registry

HERE = Path("rules/image/tests")


def _image(name: str, repository: str, tags: tuple[str, ...] = ()) -> Image:
    """Return a built image as push_all takes it, its layers from the OCI layout."""
    manifest = HERE / f"{name}.manifest.json"
    layers = [HERE / f"{name}.oci/blobs/sha256" / layer["digest"][7:] for layer in json.loads(manifest.read_bytes())["layers"]]
    return Image(manifest, HERE / f"{name}.config.json", [(blob, blob) for blob in layers], repository, tags)


def _digest(name: str) -> str:
    return (HERE / f"{name}.digest").read_text()


class RealRegistry:
    """docker-registry with its storage in a folder; its log tells what it was asked."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.folder = folder
        self.program = program
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.name = f"127.0.0.1:{probe.getsockname()[1]}"
        config = {
            "version": "0.1",
            "log": {"accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": self.name},
        }
        (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait, at most 15 s, until it answers."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", self.folder / "config.yml"], stdout=log, stderr=log)
        deadline = time.monotonic() + 15
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.name}/v2/", timeout=1):
                return
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.02)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it and wait for its end."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(15)
            self.process = None

    def requests(self, method: str) -> list[str]:
        """Return the paths asked with a method since the last call of this."""
        path = self.folder / "log"
        lines = path.read_text().splitlines()
        marker = self.folder / f"seen.{method}"
        seen = int(marker.read_text()) if marker.exists() else 0
        marker.write_text(str(len(lines)))
        return [line.split(f'"{method} ')[1].split(" ")[0] for line in lines[seen:] if f'"{method} ' in line]


@pytest.fixture(name="program", scope="module")
def _program(tmp_path_factory) -> Path:
    """The docker-registry of Debian's package."""
    tree = Tree("registry")
    debs.add_packages(tree, ["../debian_registry/docker-registry.deb"])
    path = tmp_path_factory.mktemp("bin") / "docker-registry"
    path.write_bytes(content(tree.entries["usr/bin/docker-registry"]))
    path.chmod(0o755)
    return path


@pytest.fixture(name="registry")
def _registry(program, tmp_path) -> Iterator[RealRegistry]:
    """A running, empty registry."""
    registry = RealRegistry(program, tmp_path)
    registry.start()
    yield registry
    registry.stop()


def test_push_then_push_again(registry) -> None:
    """The first push sends all, the second asks one question an image and uploads nothing."""
    images = [_image("hello", "shop/hello", ("latest",)), _image("redis", "shop/redis"), _image("files_image", "files")]
    first = push_all(images, registry.name)
    assert [p.reference for p in first] == [f"{registry.name}/{r}@{_digest(n)}" for r, n in (("shop/hello", "hello"), ("shop/redis", "redis"), ("files", "files_image"))]
    assert all(exists(registry.name, image.repository, p.digest) for image, p in zip(images, first))
    with urllib.request.urlopen(urllib.request.Request(f"http://{registry.name}/v2/shop/hello/manifests/latest", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})) as answer:
        assert answer.read() == images[0].manifest.read_bytes()
    for method in ("POST", "PUT", "PATCH", "HEAD"):
        registry.requests(method)
    again = push_all(images, registry.name)
    assert [(p.sent, p.unchanged) for p in again] == [(0, True)] * 3
    assert [registry.requests(method) for method in ("POST", "PUT", "PATCH")] == [[], [], []]
    assert len(registry.requests("HEAD")) == 4  # one a manifest, one for the tag


def test_a_shared_base_is_sent_once(registry) -> None:
    """Ten repositories that share layers take each of them over the wire once; the registry mounts the others."""
    images = [_image("hello", f"app/{i}") for i in range(10)]
    results = push_all(images, registry.name)
    size = sum(part["size"] for part in json.loads(images[0].manifest.read_bytes())["layers"]) + images[0].config.stat().st_size
    assert sum(p.sent for p in results) == size
    uploads = [path for path in registry.requests("PUT") if "/blobs/uploads/" in path]
    assert len(uploads) == len(images[0].layers) + 1


def test_a_push_that_was_killed_goes_on(registry) -> None:
    """The registry is killed while blobs arrive and started again: the next push sends only what is missing."""
    image = _image("hello", "app")
    uploaded = []

    def kill(step) -> None:
        if step.state == "uploaded":
            uploaded.append(step.digest)
            if len(uploaded) == 2:
                registry.stop(signal.SIGKILL)

    with pytest.raises(PushError, match=f"registry {registry.name}: "):
        push_all([image], registry.name, jobs=1, progress=kill, client=Registry(registry.name, sleep=lambda _: None))
    registry.start()
    assert not exists(registry.name, "app", _digest("hello"))
    registry.requests("PUT")
    sent: list[str] = []
    push_all([image], registry.name, jobs=1, progress=lambda step: sent.append(step.digest) if step.state == "uploaded" else None)
    assert not set(sent) & set(uploaded)
    assert exists(registry.name, "app", _digest("hello"))


def test_a_restart_during_a_push_is_sat_out(registry) -> None:
    """A registry that is replaced while images are pushed costs time, not the push."""
    stopped = []

    def restart(step) -> None:
        if step.state == "uploaded" and not stopped:
            stopped.append(step.digest)
            registry.stop(signal.SIGKILL)
            registry.start()

    (pushed,) = push_all([_image("hello", "app")], registry.name, jobs=2, progress=restart)
    assert stopped
    assert exists(registry.name, "app", pushed.digest)


def test_container_push_prints_the_reference(registry) -> None:
    """`bazel run` of a container_push target, pointed at this registry."""
    command = [str(HERE / "push"), "--registry", registry.name, "--tag", "v1"]
    done = subprocess.run(command, env={**os.environ, "RUNFILES_DIR": os.path.abspath("..")}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{registry.name}/tests/files@{_digest('files_image')}\n"), done.stderr


def test_container_push_to_nobody_is_one_sentence(program) -> None:
    """A registry that cannot be resolved ends in one ERROR line and exit code 1."""
    command = [str(HERE / "push"), "--registry", "registry.invalid:5000", "--insecure"]
    done = subprocess.run(command, env={**os.environ, "RUNFILES_DIR": os.path.abspath("..")}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("ERROR: registry registry.invalid:5000: ")
