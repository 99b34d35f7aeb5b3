"""`deep.*` and `java.edit_to_ready`: a stack of the sample, from `bazel run` of its `.apply` on."""

import datetime
import re
import time
from collections.abc import Callable

from tests.bench.harness import Benchmark
from tests.bench.workspace import BenchError, Workspace

DEADLINE_S = 300
"""No figure here is near it; it only keeps a broken run from waiting for ever."""

_JAVA_PACKAGE = "java/com/examples/grpc-redis"
METHODS = "FindPlace|ListPlaces|MeasureRoute|ExchangeNotes"
"""The client logs an answered RPC as `METHOD what (N ms)`."""


def _apply(workspace: Workspace) -> tuple[str, ...]:
    return ("bazel", "run", f"{workspace.stack}-deep.apply", "--", "--wait")


def _namespace(workspace: Workspace) -> str:
    shown = workspace.run("bazel", "run", f"{workspace.stack}.show")
    for line in shown.splitlines():
        if line.strip().startswith("namespace:"):
            return line.split(":", 1)[1].strip()
    raise BenchError(f"{workspace.stack}.show names no namespace")


def _first_rpc_since(workspace: Workspace, namespace: str, start: datetime.datetime) -> float:
    """Returns the seconds from start to the kubelet's timestamp of the client's first log line about a successful RPC."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            log = workspace.kubectl("logs", "-n", namespace, "-l", "app.kubernetes.io/name=routeguide-client", "--tail=-1", "--timestamps")
        except BenchError:  # no container has started yet
            log = ""
        for line in log.splitlines():
            stamp, _, text = line.partition(" ")
            if re.search(rf"\b({METHODS}) (?!attempt).*\(\d+ ms\)", text):
                answered = datetime.datetime.fromisoformat(stamp)
                return (answered - start).total_seconds()
        time.sleep(0.5)
    raise BenchError(f"no answered RPC in the client's log within {DEADLINE_S} s")


def _remove_stack(workspace: Workspace, namespace: str) -> None:
    workspace.run("bazel", "run", f"{workspace.stack}-deep.delete", "--", "--wait")
    # The StatefulSet's volumes outlive it by design; a new stack must start without data.
    workspace.kubectl("delete", "pvc", "-n", namespace, "--all", "--wait=true")
    workspace.kubectl("wait", "-n", namespace, "pod", "--all", "--for=delete", "--timeout=120s")


def _objects(workspace: Workspace) -> list[str]:
    """Returns the stack's objects, one YAML document each, as printed by `.show`."""
    shown = workspace.run("bazel", "run", f"{workspace.stack}-deep.show")
    return [text for text in shown.split("\n---\n") if text.strip()]


def _kubectl_each(workspace: Workspace, objects: list[str]) -> None:
    for text in objects:
        workspace.kubectl("apply", "-f", "-", input_text=text)


def _first_rpc(workspace: Workspace, rounds: int | None) -> Benchmark:
    workspace.ready_cluster()
    namespace = _namespace(workspace)

    def measured(apply) -> float:
        start = datetime.datetime.now(datetime.UTC)
        apply()
        seconds = _first_rpc_since(workspace, namespace, start)
        _remove_stack(workspace, namespace)
        return seconds

    def peer() -> float:
        objects = _objects(workspace)
        return measured(lambda: _kubectl_each(workspace, objects))

    return Benchmark(
        "deep.first_rpc", lambda: measured(lambda: workspace.run(*_apply(workspace))), "one kubectl per object, built and pushed before", peer, rounds or 3
    )


def _noop(workspace: Workspace, rounds: int | None) -> Benchmark:
    workspace.ready_cluster()
    workspace.run(*_apply(workspace))
    objects = _objects(workspace)

    def peer() -> float:
        start = time.monotonic()
        _kubectl_each(workspace, objects)
        return time.monotonic() - start

    return Benchmark("deep.noop", lambda: workspace.timed(*_apply(workspace)), "one kubectl per object", peer, rounds or 5)


def _edit_to_ready(name: str, package: str | None, edited: str, edit: Callable[[bytes], bytes]) -> Callable[[Workspace, int | None], Benchmark]:
    """Returns the function that makes a row: from an edit of a source to ready pods with the new image.

    Args:
      name: name of the row.
      package: package of the service to apply with all that it depends on; None for the whole sample.
      edited: path of the edited source.
      edit: returns the edited source, which is different each time.
    """

    def row(workspace: Workspace, rounds: int | None) -> Benchmark:
        workspace.ready_cluster()
        stack = f"//{package}:{workspace.stack.rpartition(':')[2]}" if package else workspace.stack
        command = ("bazel", "run", f"{stack}-deep.apply", "--", "--wait")
        workspace.run(*command)
        source = workspace.directory / edited
        original = source.read_bytes()

        def ours() -> float:
            try:
                source.write_bytes(edit(original))
                return workspace.timed(*command)
            finally:
                source.write_bytes(original)

        # No peer here rebuilds, pushes and rolls out: skaffold and tilt need Docker, rules_k8s needs a Bazel with downloads.
        return Benchmark(name, ours, None, None, rounds or 5)

    return row


def _edit_python(source: bytes) -> bytes:
    return source + f"# edited at {time.time_ns()}\n".encode()


def _edit_java(source: bytes) -> bytes:
    """Changes a string, because a comment would not change the class."""
    edited = source.replace(b'"stopping"', f'"stopping at {time.time_ns()}"'.encode())
    if edited == source:
        raise BenchError('the Java server has no string "stopping" any more; edit another one')
    return edited


ROWS = {
    "deep.first_rpc": _first_rpc,
    "deep.noop": _noop,
    "deep.edit_to_ready": _edit_to_ready("deep.edit_to_ready", None, "python/server/main.py", _edit_python),
    "java.edit_to_ready": _edit_to_ready("java.edit_to_ready", _JAVA_PACKAGE + "/client", _JAVA_PACKAGE + "/server/Main.java", _edit_java),
}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
