"""`image.*`: layers and pushes, compared with umoci, tar with gzip, and crane.

Rows that end in `_v2` push to Debian's docker-registry 2.8, the others to distribution v3. Both run on this machine with a
folder as storage. Push rows measure whole processes, from start to exit, except the `_warm` row.

Profile of image.push_app with v3: 6 ms for the interpreter, 1 ms for the shell that starts it, 2 ms for our modules, 8 ms
for the registry (six checks, two parallel uploads of two requests each, the manifest and its confirmation). Nearly all of
image.push_20_first is the registry's writing. Half of image.layer_80mb is deflate; the rest is reading files, two sha256
and the interpreter.
"""

import atexit
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from rules.image.tools.images import image
from rules.image.tools.layers import layer
from rules.image.tools.push.push import Image, push_all
from rules.image.tools.registry.registry import Registry
from rules.python.tools import compile_source
from tests.bench import image_files
from tests.bench.harness import Benchmark
from tests.bench.workspace import BenchError, Workspace
from tests.registries import programs
from tests.registries.real import RealRegistry

_IMAGES = 20
_EDITED = "def main():\n    return {}\n" + "# a module of the application\n" * 60


@cache
def scratch() -> Path:
    """Returns a folder that is deleted at the end of the run; all rows share the files and their layer, which take seconds to create."""
    folder = Path(tempfile.mkdtemp(prefix="turnup-bench-image-"))
    atexit.register(shutil.rmtree, folder, True)
    return folder


@cache
def _tree() -> Path:
    folder = scratch() / "tree"
    folder.mkdir()
    image_files.make_tree(folder)
    return folder


@cache
def _layers() -> Path:
    """Returns a folder with the layer `base`, which every image has."""
    folder = scratch() / "layers"
    folder.mkdir()
    image_files.make_layer(folder, "base", "lib", _tree())
    return folder


@cache
def _clients() -> programs.Clients:
    folder = scratch() / "clients"
    folder.mkdir()
    return programs.Clients(folder)


@cache
def registry_of(version: str) -> RealRegistry:
    """Starts a registry, which stops at the end of the run."""
    folder = scratch() / f"registry{version}"
    program = programs.docker_registry(scratch()) if version == "2" else programs.distribution()
    registry = RealRegistry(program, folder)
    registry.start()
    atexit.register(registry.stop)
    return registry


def _emptied(registry: RealRegistry) -> None:
    registry.stop()
    shutil.rmtree(registry.folder / "data", ignore_errors=True)
    registry.start()


def timed(*command: str | Path, stdin: Path | None = None) -> float:
    """Runs a program without a shell and returns its duration in seconds."""
    words = [str(word) for word in command]
    with open(stdin or os.devnull, "rb") as source, open(scratch() / "output", "wb") as output:
        start = time.perf_counter()
        process = os.posix_spawn(
            words[0],
            words,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, source.fileno(), 0), (os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
        )
        _, status = os.waitpid(process, 0)
        seconds = time.perf_counter() - start
    if status:
        raise BenchError(f"{' '.join(words[:4])}: failed: {(scratch() / 'output').read_text()[-300:]}")
    return seconds


def called(work: Callable[[], object]) -> float:
    """Calls a function and returns the seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def push_command(plan: Path) -> list[str]:
    """Returns the command of a container_push target with this plan: the rule's own start script, filled in for the benchmark."""
    root = scratch() / "runfiles"
    if not root.exists():
        root.mkdir()
        (root / "turnup").symlink_to(Path(os.environ["RUNFILES_DIR"]) / "turnup")
        text = Path("rules/image/tools/push/run_push.sh.tpl").read_text()
        for name, value in (("plan", "push.plan"), ("python", sys.executable), ("imports", "turnup")):
            text = text.replace("%{" + name + "}", value)
        (root / "push").write_text(text.replace("${RUNFILES_DIR:-}", str(root)).replace('--root "$root"', '--root ""'))
    shutil.copy(plan, root / "push.plan")
    return ["/bin/sh", str(root / "push")]


def _crane_push(registry: RealRegistry, layout: Path, repository: str) -> float:
    return timed(programs.crane(), "push", "--insecure", layout, f"{registry.name}/{repository}:latest")


def _app(name: str, version: int, repository: str) -> Image:
    """Builds an image on the base with an application layer of 1 MB that shares no bytes with other versions."""
    folder = _layers()
    source = folder / f"{name}.source"
    unit = f"value_{version}_{name} = compute({version}, {time.time_ns()})\n"
    source.write_text("".join(f"{number} {unit}" for number in range(1_000_000 // (len(unit) + 6))))
    image_files.make_layer(folder, name, f"app/{name}.py", source)
    return image_files.make_image(folder, name, ["base", name], repository)


def _layer_80mb(peer: str, peer_run: Callable[[], float], rounds: int | None, name: str) -> Benchmark:
    out = scratch() / "out"
    out.mkdir(exist_ok=True)
    tree = _tree()

    def ours() -> float:
        words = ["--where", "//bench:tree", "--blob", out / "blob", "--descriptor", out / "json", "--compression", "gzip", "--tree", "lib", tree]
        return timed("rules/image/tools/layers/layer_tool", *words)

    return Benchmark(name, ours, peer, peer_run, rounds or 5)


def _layer_umoci(_: Workspace, rounds: int | None) -> Benchmark:
    layout = scratch() / "umoci"

    def peer() -> float:
        shutil.rmtree(layout, ignore_errors=True)
        _clients().umoci("init", "--layout", str(layout))
        _clients().umoci("new", "--image", f"{layout}:x")
        return called(lambda: _clients().umoci("insert", "--rootless", "--image", f"{layout}:x", str(_tree()), "/lib"))

    return _layer_80mb("umoci insert", peer, rounds, "image.layer_80mb")


def _layer_gzip(_: Workspace, rounds: int | None) -> Benchmark:
    def peer() -> float:
        def work() -> None:
            with open(scratch() / "peer.tar.gz", "wb") as out, subprocess.Popen(["tar", "-C", _tree(), "-cf", "-", "."], stdout=subprocess.PIPE) as tar:
                subprocess.run(["gzip", "-6"], stdin=tar.stdout, stdout=out, check=True)

        return called(work)

    return _layer_80mb("tar | gzip -6, without digests", peer, rounds, "image.layer_80mb_gzip")


def _twenty(registry: RealRegistry) -> tuple[list[str], list[tuple[Path, str]]]:
    """Builds twenty images on one base; returns the command that pushes all of them, and their layouts with their repositories."""
    images = [_app(f"app{number}", 0, f"shop/app{number}") for number in range(_IMAGES)]
    layouts = [(image_files.make_layout(scratch() / f"layout{number}", built), built.repository) for number, built in enumerate(images)]
    return push_command(image_files.write_plan(scratch() / "twenty.plan", registry.name, images)), layouts


def _push_20_noop(version: str, name: str) -> Callable[[Workspace, int | None], Benchmark]:
    def make(_: Workspace, rounds: int | None) -> Benchmark:
        registry = registry_of(version)
        command, layouts = _twenty(registry)
        timed(*command)
        return Benchmark(name, lambda: timed(*command), f"{_IMAGES} crane push", lambda: sum(_crane_push(registry, *layout) for layout in layouts), rounds or 7)

    return make


def _push_20_first(version: str, name: str) -> Callable[[Workspace, int | None], Benchmark]:
    def make(_: Workspace, rounds: int | None) -> Benchmark:
        registry = registry_of(version)
        command, layouts = _twenty(registry)

        def ours() -> float:
            _emptied(registry)
            return timed(*command)

        def peer() -> float:
            _emptied(registry)
            return sum(_crane_push(registry, *layout) for layout in layouts)

        return Benchmark(name, ours, f"{_IMAGES} crane push", peer, rounds or 5)

    return make


def _push_app(version: str, name: str, warm: bool) -> Callable[[Workspace, int | None], Benchmark]:
    def make(_: Workspace, rounds: int | None) -> Benchmark:
        registry = registry_of(version)
        client = Registry(registry.name)
        count = iter(range(1_000_000))
        push_all([_app("changing", 0, "shop/changing")], registry.name, client=client)

        def ours() -> float:
            built = _app("changing", next(count), "shop/changing")
            if warm:
                return called(lambda: push_all([built], registry.name, client=client))
            return timed(*push_command(image_files.write_plan(scratch() / "app.plan", registry.name, [built])))

        def peer() -> float:
            return _crane_push(registry, image_files.make_layout(scratch() / "changing", _app("changing", next(count), "shop/changing")), "shop/changing")

        return Benchmark(name, ours, "crane push of the OCI layout", peer, rounds or 11)

    return make


def _push_start(_: Workspace, rounds: int | None) -> Benchmark:
    (scratch() / "empty.plan").touch()
    command = push_command(scratch() / "empty.plan")
    return Benchmark("image.push_start", lambda: timed(*command), "crane version", lambda: timed(programs.crane(), "version"), rounds or 11)


class Worker:
    """A tool of the rules as a persistent worker, as Bazel runs it."""

    def __init__(self, tool: str) -> None:
        self._process = subprocess.Popen([f"rules/image/tools/{tool}", "--persistent_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self._process.communicate)

    def run(self, arguments: list[object]) -> None:
        """Runs one action."""
        self._process.stdin.write(json.dumps({"arguments": [str(word) for word in arguments]}).encode())
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["exitCode"]:
            raise BenchError(answer["output"])


def _edit_to_pushed(_: Workspace, rounds: int | None) -> Benchmark:
    """Measures the time from a changed source file to its image's digest in the registry.

    The steps are the actions of a py_image and its push, as Bazel runs them: byte code in a process, then layer, manifest and
    plan in workers, then the push in a process. Facts: each step as a process (cold_ms), and all in one warm process (warm_ms).
    """
    registry, folder = registry_of("3"), _layers()
    client = Registry(registry.name)
    source, count = scratch() / "main.py", iter(range(1_000_000))
    base = image_files.make_image(folder, "edit_base", ["base"], "shop/edited", ("base",))
    push_all([base], registry.name, client=client)
    layers = [(folder / f"{name}.tar.gz", folder / f"{name}.json") for name in ("base", "edited")]
    edited = Image(folder / "edited.manifest", folder / "edited.config", layers, "shop/edited")
    spec = image_files.write_spec(scratch() / "edited.spec", registry.name, edited)
    plan = scratch() / "edited.plan"
    actions: dict[str, list[object]] = {
        "layers/layer_tool": [
            "--where",
            "//bench:edited",
            "--blob",
            folder / "edited.tar.gz",
            "--descriptor",
            folder / "edited.json",
            "--compression",
            "gzip",
            "--file",
            "app/main.py",
            source,
        ],
        "images/image_tool": [
            "--where",
            "//bench:edited",
            "--config",
            edited.config,
            "--manifest",
            edited.manifest,
            "--digest",
            folder / "edited.digest",
            "--layer",
            folder / "base.json",
            "--layer",
            folder / "edited.json",
        ],
        "push/push_plan": ["--spec", spec, "--plan", plan],
    }
    workers = {tool: Worker(tool) for tool in actions}
    compile_words = [source, source.with_suffix(".pyc")]

    def edit() -> None:
        source.write_text(_EDITED.format(next(count)) + f"# {time.time_ns()}\n")

    def processes(run: Callable[[str, list[object]], object]) -> float:
        edit()

        def build() -> None:
            timed(sys.executable, "-I", "-S", "rules/python/tools/compile_source.py", *compile_words)
            for tool, words in actions.items():
                run(tool, words)

        return called(build) + timed(*push_command(plan))

    def peer() -> float:
        edit()

        def work() -> None:
            archive = scratch() / "edited.tar"
            subprocess.run(["tar", "-C", source.parent, "-cf", archive, source.name], check=True)
            to = f"{registry.name}/shop/edited"
            timed(programs.crane(), "append", "--insecure", "-b", f"{to}:base", "-f", archive, "-t", f"{to}:peer")

        return called(work)

    def warm() -> None:
        compile_source.main([str(word) for word in compile_words])
        layer.main([str(word) for word in actions["layers/layer_tool"]])
        image.main([str(word) for word in actions["images/image_tool"]])
        push_all([edited], registry.name, client=client)

    def facts() -> dict[str, float]:
        cold = statistics.median(processes(lambda tool, words: timed(f"rules/image/tools/{tool}", *words)) for _ in range(5))
        figures = []
        for _ in range(5):
            edit()
            figures.append(called(warm))
        return {"cold_ms": round(cold * 1000, 1), "warm_ms": round(statistics.median(figures) * 1000, 1)}

    return Benchmark(
        "image.edit_to_pushed", lambda: processes(lambda tool, words: workers[tool].run(words)), "tar and crane append", peer, rounds or 11, facts=facts
    )


ROWS = {
    "image.layer_80mb": _layer_umoci,
    "image.layer_80mb_gzip": _layer_gzip,
    "image.push_start": _push_start,
    "image.push_20_noop": _push_20_noop("3", "image.push_20_noop"),
    "image.push_20_noop_v2": _push_20_noop("2", "image.push_20_noop_v2"),
    "image.push_20_first": _push_20_first("3", "image.push_20_first"),
    "image.push_20_first_v2": _push_20_first("2", "image.push_20_first_v2"),
    "image.push_app": _push_app("3", "image.push_app", False),
    "image.push_app_v2": _push_app("2", "image.push_app_v2", False),
    "image.push_app_warm": _push_app("3", "image.push_app_warm", True),
    "image.edit_to_pushed": _edit_to_pushed,
}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
