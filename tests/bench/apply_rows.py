"""`apply.*`: cost of an apply compared with kubectl, with a real API server and without nodes or controllers."""

import functools
import time
from collections.abc import Callable, Mapping

from tests.bench.api import Api, objects
from tests.bench.harness import Benchmark, Point
from tests.bench.workspace import Workspace

_NOOP = 500
_SIZES = (100, 1000, 5000)


@functools.cache
def _api(workspace: Workspace) -> Api:
    """Returns the server that all rows share."""
    return workspace.enter(Api(workspace))


@functools.cache
def _applied(api: Api, count: int) -> str:
    """Applies a target with the given number of objects and returns its namespace."""
    namespace = f"ours-{count}"
    api.namespace(namespace)
    api.target(objects(count, namespace))
    api.run("apply", namespace)
    return namespace


def _facts(api: Api, count: int) -> Callable[[], Mapping[str, float]]:
    """Returns a function for the facts of a row's last apply."""
    return lambda: {"requests": api.requests, "requests_per_object": round(api.requests / count, 3), "peak_mib": round(api.peak_mib, 1)}


def _kubectl(api: Api, count: int, kind: str, *options: str) -> Callable[[], float]:
    """Applies objects once with kubectl and returns a function that applies them again; each peer has its own namespace."""
    made = objects(count, f"{kind}-{count}")
    path = api.write(made, f"{kind}-{count}")
    api.namespace(f"{kind}-{count}")
    api.kubectl("apply", *options, "-f", path)
    return lambda: api.kubectl("apply", *options, "-f", path)


def _noop(kind: str, words: str, *options: str) -> Callable[[Workspace, int | None], Benchmark]:
    def row(workspace: Workspace, rounds: int | None) -> Benchmark:
        api = _api(workspace)
        namespace = _applied(api, _NOOP)
        return Benchmark(
            f"apply.noop_500.{kind}", lambda: api.run("apply", namespace), words, _kubectl(api, _NOOP, kind, *options), rounds or 5, facts=_facts(api, _NOOP)
        )

    return row


def _noop_each(workspace: Workspace, rounds: int | None) -> Benchmark:
    api = _api(workspace)
    namespace = _applied(api, _NOOP)
    made = objects(_NOOP, "each")
    paths = [api.write([obj], f"each-{number}") for number, obj in enumerate(made)]
    api.namespace("each")
    api.kubectl("apply", "-f", api.write(made, "each"))

    def peer() -> float:
        return sum(api.kubectl("apply", "-f", path) for path in paths)

    # One round of the peer takes a minute and a half, and with 500 runs it is already an average.
    return Benchmark("apply.noop_500.each", lambda: api.run("apply", namespace), "one kubectl apply per object", peer, rounds or 1, facts=_facts(api, _NOOP))


def _start(workspace: Workspace, rounds: int | None) -> Benchmark:
    api = _api(workspace)
    namespace = _applied(api, 1)
    path = api.write(objects(1, namespace), "start")

    def first_request(run: Callable[[], float]) -> float:
        since = time.time()
        run()
        return api.first_request(since)

    return Benchmark(
        "apply.start",
        lambda: first_request(lambda: api.run("apply", namespace)),
        "kubectl apply --server-side, to its first request",
        lambda: first_request(lambda: api.kubectl("apply", "--server-side", "--force-conflicts", "-f", path)),
        rounds or 11,
    )


def _scale(count: int) -> Callable[[Workspace, int | None], Benchmark]:
    def row(workspace: Workspace, rounds: int | None) -> Benchmark:
        api = _api(workspace)
        namespace = _applied(api, count)
        # With 5,000 objects both sides take so long that three rounds are enough.
        return Benchmark(
            f"apply.scale.{count}",
            lambda: api.run("apply", namespace),
            "kubectl apply --server-side",
            _kubectl(api, count, "scale", "--server-side"),
            rounds or (5 if count < max(_SIZES) else 3),
            Point("apply.scale", count, "objects"),
            _facts(api, count),
        )

    return row


def _rollback(workspace: Workspace, rounds: int | None) -> Benchmark:
    api = _api(workspace)
    namespace = "rollback"
    api.namespace(namespace)
    made = objects(_NOOP, namespace)
    for value in "12":
        for obj in made:
            if obj["kind"] == "ConfigMap":
                obj["data"]["changed"] = value
        api.target(made)
        api.run("apply", namespace)
    # Each rollback returns to the previous revision. kubectl rolls back one Deployment at a time, and no ConfigMaps.
    return Benchmark("apply.rollback_500", lambda: api.run("rollback", namespace), None, None, rounds or 5, facts=_facts(api, _NOOP))


ROWS = {
    "apply.noop_500.client": _noop("client", "kubectl apply -f"),
    "apply.noop_500.server": _noop("server", "kubectl apply --server-side", "--server-side"),
    "apply.noop_500.each": _noop_each,
    "apply.rollback_500": _rollback,
    "apply.start": _start,
    **{f"apply.scale.{count}": _scale(count) for count in _SIZES},
}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
