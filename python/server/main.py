"""RouteGuide's server: serves places from a Redis Cluster over gRPC.

It listens at once, but reports NOT_SERVING through the gRPC health protocol
(https://github.com/grpc/grpc/blob/master/doc/health-checking.md) until Redis
answers with all places, and again whenever Redis is lost.
"""

import argparse
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.common import logs, settings, stopping
from python.server import places, store
from python.server.guide import RouteGuide
from python.server.keeper import Keeper

log = logging.getLogger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["RouteGuide"].full_name
LIVE = "live"
"""Health name that is SERVING while the process can answer at all, Redis or not:
the liveness probe asks for it, so that a lost Redis does not restart servers."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """A gRPC server with its health service and its keeper."""

    def __init__(
        self,
        redis_host: str,
        redis_port: int,
        address: str,
        *,
        name: str | None = None,
        probe_every_s: float = 1.0,
    ) -> None:
        """Args:
        redis_host: name or address of the Redis Cluster's service.
        redis_port: its port.
        address: HOST:PORT to listen on; port 0 takes a free one.
        name: how the server calls itself in answers; default the host name.
        probe_every_s: seconds between two looks at Redis.

        Raises:
            RuntimeError: the address cannot be bound.
            places.TableError: the table of places cannot be read.
        """
        self._health = health.HealthServicer(
            experimental_non_blocking=True,  # a Watch must not hold a worker thread
            experimental_thread_pool=futures.ThreadPoolExecutor(2, "health"),
        )
        self._say(False)
        self._health.set(LIVE, _SERVING)
        self._keeper = Keeper(
            lambda: store.PlaceStore(store.connect(redis_host, redis_port)),
            places.load(),
            self._say,
            probe_every_s=probe_every_s,
        )
        self._server = grpc.server(
            futures.ThreadPoolExecutor(16, "rpc"),
            options=[
                ("grpc.so_reuseport", 0),  # a second server on the port is a mistake
                # Let clients ping often enough to notice a dead node in seconds.
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        guide = RouteGuide(self._keeper.store, name or socket.gethostname())
        pb_grpc.add_RouteGuideServicer_to_server(guide, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._server.add_insecure_port(address)

    def _say(self, serving: bool) -> None:
        status = _SERVING if serving else _NOT_SERVING
        for name in ("", SERVICE):
            self._health.set(name, status)
        log.info("%s", health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    def start(self) -> None:
        """Begins to listen, and to look for Redis."""
        self._server.start()
        self._keeper.start()

    def stop(self, drain_s: float, grace_s: float) -> None:
        """Reports NOT_SERVING, serves on for drain_s seconds so that clients
        learn of it, then ends; calls that still run get grace_s seconds."""
        self._health.enter_graceful_shutdown()
        threading.Event().wait(drain_s)
        self._server.stop(grace_s).wait()
        self._keeper.stop()


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Builds the command line; `env` gives the defaults."""
    result = argparse.ArgumentParser(prog="server", description=__doc__.split("\n")[0])
    add = settings.add
    add(result, env, "--port", "PORT", "port to listen on", type=settings.port)
    add(result, env, "--redis-host", "REDIS_HOST", "the Redis Cluster's service name")
    add(result, env, "--redis-port", "REDIS_PORT", "its port", type=settings.port)
    return result


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Serves until SIGTERM; returns the exit code (1 failed, 2 wrong usage)."""
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as refused:  # argparse has printed why
        return int(refused.code or 0)
    logs.configure()
    stopping_event = stopping.stop_event()
    try:
        server = Server(options.redis_host, options.redis_port, f"[::]:{options.port}")
    except (RuntimeError, places.TableError) as error:
        print(f"ERROR: server: {error}", file=sys.stderr)
        return 1
    server.start()
    log.info("listening on port %d, Redis at %s:%d", server.port, options.redis_host, options.redis_port)
    stopping_event.wait()
    log.info("stopping")
    server.stop(drain_s=2.0, grace_s=5.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
