"""gRPC channel of the client, configured to recover from the loss of pods and nodes within seconds."""

import json

import grpc

from proto import route_guide_pb2_grpc as pb_grpc

KEEPALIVE_MS = 10_000


def options(service: str) -> list[tuple[str, int | str]]:
    """Returns the options of the channel.

    Args:
        service: full name of the gRPC service, for health checks.

    Returns:
        Pairs of name and value.
    """
    config = {
        # The server's Service is headless: DNS returns the address of every ready
        # pod, and the channel keeps a connection to each. If a pod or its node
        # is lost, calls use the other pods at once, without waiting until
        # kube-proxy knows about it.
        "loadBalancingConfig": [{"round_robin": {}}],
        # Skips a pod while it reports NOT_SERVING.
        "healthCheckConfig": {"serviceName": service},
    }
    return [
        ("grpc.service_config", json.dumps(config)),
        # A lost node does not close its connections; only unanswered pings reveal it.
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # Reconnect soon and resolve the name again soon, because pods restart with new addresses.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 2_000),  # also the timeout of one connection attempt
        ("grpc.max_reconnect_backoff_ms", 3_000),
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        ("grpc.enable_http_proxy", 0),  # the server is in the same cluster, never behind a proxy
    ]


def open_channel(host: str, port: int, service: str) -> grpc.Channel:
    """Returns a channel to all servers behind host:port, which connects lazily."""
    return grpc.insecure_channel(f"dns:///{host}:{port}", options(service))


class ServerConnection:
    """Connection to the service, with a channel that can be replaced.

    gRPC backs off between two lookups of a name that does not resolve, up to two
    minutes, whatever the channel's options say. After an outage of the whole
    service a client would wait that long. A new channel resolves the name at once.

    Attributes:
        stub: stub of the service that uses the current channel.
    """

    def __init__(self, host: str, port: int, service: str) -> None:
        """Opens a channel; see `open_channel`."""
        self._target = (host, port, service)
        self._open()

    def _open(self) -> None:
        self._channel = open_channel(*self._target)
        self.stub = pb_grpc.RouteGuideStub(self._channel)

    def replace_channel(self) -> None:
        """Replaces the channel. gRPC cancels the calls that still run on the old one."""
        self._channel.close()
        self._open()

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()
