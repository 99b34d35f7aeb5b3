"""RouteGuide's server: serves places from a Redis Cluster over gRPC.

It listens at once. It reports NOT_SERVING through the gRPC health protocol
(https://github.com/grpc/grpc/blob/master/doc/health-checking.md) unless Redis
responds and has all places.
"""

import argparse
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.common import logs, settings, stopping
from python.server import places, store
from python.server.guide import RouteGuide
from python.server.store_monitor import StoreMonitor

log = logging.getLogger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["RouteGuide"].full_name
LIVE = "live"
"""Health check that is SERVING while the process responds. The liveness probe uses
it, so that an outage of Redis does not restart servers."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """gRPC server with its health service and its store monitor."""

    def __init__(
        self,
        redis_host: str,
        redis_port: int,
        address: str,
        password_file: Path,
        *,
        name: str | None = None,
        probe_every_s: float = 1.0,
    ) -> None:
        """Binds the address and loads the places.

        Args:
            redis_host: name or address of the Redis Cluster's Service.
            redis_port: port of the Redis Cluster's Service.
            address: HOST:PORT to listen on; port 0 for a free one.
            password_file: file with the password of the user of Redis that it is named after; see `store.Login`.
            name: name of this server in responses; the host name if None.
            probe_every_s: seconds between two checks of Redis.

        Raises:
            RuntimeError: the address can't be bound.
            places.TableError: the table of places can't be read.
        """
        self._health = health.HealthServicer(
            experimental_non_blocking=True,  # a Watch must not occupy a worker thread
            experimental_thread_pool=futures.ThreadPoolExecutor(2, "health"),
        )
        self._set_status(False)
        self._health.set(LIVE, _SERVING)
        login = store.Login(password_file)
        self._monitor = StoreMonitor(
            lambda: store.PlaceStore(store.connect(redis_host, redis_port, login)),
            places.load(),
            self._set_status,
            probe_every_s=probe_every_s,
            explain=login.explain,
        )
        self._server = grpc.server(
            futures.ThreadPoolExecutor(16, "rpc"),
            options=[
                ("grpc.so_reuseport", 0),  # a second server on the same port is an error
                # Allows pings that are frequent enough to detect a lost node within seconds.
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        guide = RouteGuide(self._monitor.store, name or socket.gethostname())
        pb_grpc.add_RouteGuideServicer_to_server(guide, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._server.add_insecure_port(address)

    def _set_status(self, serving: bool) -> None:
        status = _SERVING if serving else _NOT_SERVING
        for name in ("", SERVICE):
            self._health.set(name, status)
        log.info("%s", health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    def start(self) -> None:
        """Starts to listen and to connect to Redis."""
        self._server.start()
        self._monitor.start()

    def stop(self, drain_s: float, grace_s: float) -> None:
        """Stops gracefully.

        Args:
            drain_s: seconds to keep serving after reporting NOT_SERVING, so that
                clients notice.
            grace_s: seconds that running calls have to finish after that.
        """
        self._health.enter_graceful_shutdown()
        threading.Event().wait(drain_s)
        self._server.stop(grace_s).wait()
        self._monitor.stop()


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Returns the parser of the command line, with defaults from the environment variables."""
    result = argparse.ArgumentParser(prog="server", description=__doc__.split("\n")[0])
    add = settings.add
    add(result, env, "--port", "PORT", "port to listen on", parse=settings.port)
    add(result, env, "--redis-host", "REDIS_HOST", "host of the Redis Cluster's Service")
    add(result, env, "--redis-port", "REDIS_PORT", "port of the Redis Cluster's Service", parse=settings.port)
    add(result, env, "--redis-password-file", "REDIS_PASSWORD_FILE", "file with the password of the Redis user it is named after", parse=Path)
    add(result, env, "--log-format", "LOG_FORMAT", "format of the log: text or json", parse=logs.format_name, default="text")
    return result


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Serves until SIGTERM or SIGINT.

    Args:
        argv: arguments; those of the process if None.
        env: environment variables.

    Returns:
        Exit code: 0, or 1 if the server can't start, or 2 for wrong usage.
    """
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as stopped:  # argparse has printed the error or the help text
        return int(stopped.code or 0)
    logs.configure(log_format=options.log_format)
    stopping_event = stopping.stop_event()
    try:
        server = Server(options.redis_host, options.redis_port, f"[::]:{options.port}", options.redis_password_file)
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
