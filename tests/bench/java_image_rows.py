"""`java.image_size`, `java.start` and `image.edit_to_pushed_java`: a gRPC server in Java, in the three images of tests/bench/java.

`server` is what java_image builds, `server_unshared` the same without class data sharing, and `server_on_jre` has the layers that
Jib makes on a base with a full JRE.
"""

import functools
import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import grpc
import zstandard

from rules.image.tools.java import sharing
from rules.image.tools.push.push import Image, push_all
from rules.image.tools.registry.registry import Registry
from tests.bench import image_files
from tests.bench.harness import Benchmark
from tests.bench.image_rows import Worker, called, push_command, registry_of, scratch, timed
from tests.bench.workspace import BenchError, Workspace

_HERE = Path("tests/bench/java")
_APP = "app/turnup/tests/bench/java"
_START = 60  # seconds that a server may take to answer
_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"  # the HealthCheckResponse


@functools.cache
def _layers(name: str) -> list[bytes]:
    """Returns an image's layers as they are pushed, base first."""
    with tarfile.open(_HERE / f"{name}.tar") as archive:
        (entry,) = json.loads(archive.extractfile("manifest.json").read())
        return [archive.extractfile(path).read() for path in entry["Layers"]]


def _unpack(name: str, root: Path) -> Path:
    """Unpacks an image and returns its root."""
    root.mkdir(parents=True)
    for blob in _layers(name):
        with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().stream_reader(blob).read())) as tar:
            tar.extractall(root, numeric_owner=True)
    for folder in ("dev", "proc"):
        (root / folder).mkdir(exist_ok=True)
    return root


@functools.cache
def _root(name: str) -> Path:
    """Returns the root of an image that is unpacked once a run."""
    return _unpack(name, scratch() / "java" / name)


def _megabytes(name: str) -> float:
    """Returns the compressed size of an image in MB."""
    return round(sum(map(len, _layers(name))) / 1e6, 2)


def _unpacked(name: str) -> float:
    """Returns the seconds that unpacking an image takes."""
    root = scratch() / "java-unpacked"
    seconds = called(lambda: _unpack(name, root))
    shutil.rmtree(root)
    return seconds


def _image_size(_: Workspace, rounds: int | None) -> Benchmark:
    """Measures unpacking; the facts have the sizes, which are what a node fetches."""

    def facts() -> dict[str, float]:
        ours, peer = _megabytes("server"), _megabytes("server_on_jre")
        return {"compressed_mb": ours, "peer_compressed_mb": peer, "size_ratio": round(ours / peer, 3), "unshared_mb": _megabytes("server_unshared")}

    peer = "the layers of Jib on a full JRE"
    return Benchmark("java.image_size", lambda: _unpacked("server"), peer, lambda: _unpacked("server_on_jre"), rounds or 5, facts=facts)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def _first_answer(name: str) -> float:
    """Starts an image's entrypoint in its root as its user; returns the seconds until it has answered an RPC.

    Raises:
        BenchError: it ends, or does not answer within _START.
    """
    config = json.loads((_HERE / f"{name}.config.json").read_bytes())["config"]
    root, port = _root(name), _free_port()
    # Without /dev/urandom the JVM gathers randomness for seconds.
    enter = 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot --userspec=65532:65532 "$0" "$@"'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, str(root), *config["Entrypoint"], str(port)]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **dict(item.split("=", 1) for item in config["Env"] if not item.startswith("PATH="))}
    start = time.perf_counter()
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            while not _listens(port):
                if process.poll() is not None:
                    raise BenchError(f"{name} exited with {process.returncode}: {process.stderr.read().decode('utf-8', 'replace')[-300:]}")
                if time.perf_counter() - start > _START:
                    raise BenchError(f"{name} does not answer within {_START} s")
                time.sleep(0.002)
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                answer: object = channel.unary_unary(_HEALTH)(b"", timeout=_START)
                if answer != _SERVING:
                    raise BenchError(f"{name} is not SERVING")
            return time.perf_counter() - start
        finally:
            process.kill()


def _listens(port: int) -> bool:
    """Returns whether a port of this machine accepts connections."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _start(_: Workspace, rounds: int | None) -> Benchmark:
    def facts() -> dict[str, float]:
        return {"full_jre_s": round(min(_first_answer("server_on_jre") for _ in range(3)), 3)}

    return Benchmark(
        "java.start", lambda: _first_answer("server"), "without class data sharing", lambda: _first_answer("server_unshared"), rounds or 11, facts=facts
    )


def _edit_to_pushed(_: Workspace, rounds: int | None) -> Benchmark:
    """Measures the time from a compiled class to its image's digest in the registry.

    The steps are the actions of a java_image after one of javac, as Bazel runs them, one after the other: index, split and
    check in workers, the archive of shared classes in a process, layers, manifest and plan in workers, the push in a process.
    The peer is the same without class data sharing. Fact: the part that the archive takes.
    """
    registry, folder = registry_of("3"), scratch() / "java-edit"
    folder.mkdir(exist_ok=True)
    root = _root("server")
    runtime = folder / "runtime"
    shutil.copytree(root / "usr/lib/jvm/java", runtime / "usr/lib/jvm/java")
    words = sharing.read_class_path(str(root / _APP / "server.jvm")).split(":")
    own = f"/{_APP}/server.binary.jar"
    libraries = [path for path in words if path != own]
    jar = folder / "server.binary.jar"
    worker = Worker("java/java_tool")
    tools = {tool: Worker(tool) for tool in ("layers/layer_tool", "images/image_tool", "push/push_plan")}
    for number, path in enumerate(libraries):
        worker.run(["--jar", root / path[1:], f"--name={path}", "--output", folder / f"{number}.json", "--verb=index"])
    base = _base(folder, "server_unshared")
    push_all([base], registry.name, client=Registry(registry.name))
    outputs = {name: folder / f"edit.{name}" for name in ("jvm", "flags", "modules", "classes", "jsa", "index")}
    paths = [path for number, library in enumerate(libraries) for path in (f"--jar={library}", f"--index={folder / f'{number}.json'}")]

    def layer(name: str, *content: object) -> tuple[Path, Path]:
        blob, descriptor = folder / f"{name}.tar.zst", folder / f"{name}.json"
        tools["layers/layer_tool"].run(["--where", name, "--blob", blob, "--descriptor", descriptor, "--mode=content", *content])
        return blob, descriptor

    def edit() -> None:
        with zipfile.ZipFile(root / own[1:]) as old, zipfile.ZipFile(jar, "w") as new:
            for entry in old.infolist():
                new.writestr(entry, old.read(entry))
            new.writestr("bench/edited.txt", str(time.time_ns()))

    def build(shared: bool) -> None:
        for name in ("c", "r"):
            shutil.rmtree(folder / name, ignore_errors=True)
        worker.run(["--jar", jar, "--name=own", "--output", outputs["index"], "--verb=index"])
        worker.run(["--classes", folder / "c", "--resources", folder / "r", "--jar", own[1:], jar, "--verb=split"])
        archive = [f"--archive=/{_APP}/edit.jsa"] if shared else []
        files = ["--arguments", outputs["jvm"], "--flags", outputs["flags"], "--modules", outputs["modules"], "--class-list", outputs["classes"]]
        modules = _HERE.parent.parent.parent / "rules/image/jdk.modules.json"
        given = [f"--jar={own}", f"--own={own}", f"--index={outputs['index']}", f"--resources={folder / 'r'}", *paths]
        worker.run(["--where=//bench:java", f"--jdk={modules}", f"--flags-path=/{_APP}/edit.flags", *archive, *files, *given, "--verb=program"])
        layers = [layer("classes", "--tree", ".", folder / "c"), layer("resources", "--tree", ".", folder / "r")]
        layers.append(layer("start", "--file", f"{_APP}/edit.jvm", outputs["jvm"], "--file", f"{_APP}/edit.flags", outputs["flags"]))
        if shared:
            given = [str(word) for library in libraries for word in ("--jar", library, root / library[1:])]
            trees = ["--tree", folder / "c", "--tree", folder / "r", "--runtime", runtime]
            tail = ["--arguments", outputs["jvm"], "--class-list", outputs["classes"], "--output", outputs["jsa"], "--verb=share"]
            timed("rules/image/tools/java/java_tool", "--where=//bench:java", *given, *map(str, trees), *map(str, tail))
            layers.append(layer("shared", "--file", f"{_APP}/edit.jsa", outputs["jsa"]))
        built = Image(folder / "edit.manifest", folder / "edit.config", [*base.layers, *layers], "shop/java")
        below = [f"--base-config={base.config}", f"--base-manifest={base.manifest}"]
        named = ["--where=//bench:java", "--config", built.config, "--manifest", built.manifest, "--digest", folder / "edit.digest"]
        tools["images/image_tool"].run([*named, *below, *(f"--layer={descriptor}" for _, descriptor in layers)])
        spec = image_files.write_spec(folder / "edit.spec", registry.name, built)
        tools["push/push_plan"].run(["--spec", spec, "--plan", folder / "edit.plan"])

    def once(shared: bool) -> float:
        edit()
        return called(lambda: build(shared)) + timed(*push_command(folder / "edit.plan"))

    return Benchmark("image.edit_to_pushed_java", lambda: once(True), "the same without class data sharing", lambda: once(False), rounds or 7)


def _base(folder: Path, name: str) -> Image:
    """Writes the layers of a built image as files and returns it."""
    manifest, config = folder / "base.manifest", folder / "base.config"
    shutil.copyfile(_HERE / f"{name}.manifest.json", manifest)
    shutil.copyfile(_HERE / f"{name}.config.json", config)
    found: dict[str, Any] = json.loads(manifest.read_bytes())
    layers = []
    for number, (part, blob) in enumerate(zip(found["layers"], _layers(name), strict=True)):
        (folder / f"base.{number}").write_bytes(blob)
        (folder / f"base.{number}.json").write_text(json.dumps(part))
        layers.append((folder / f"base.{number}", folder / f"base.{number}.json"))
    (folder / "base.digest").write_text("sha256:" + hashlib.sha256(manifest.read_bytes()).hexdigest())
    return Image(manifest, config, layers, "shop/java")


ROWS = {
    "java.image_size": _image_size,
    "java.start": _start,
    "image.edit_to_pushed_java": _edit_to_pushed,
}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
