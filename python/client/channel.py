"""The client's gRPC channel, set up to get over the loss of pods and nodes in seconds."""

import json

import grpc

from proto import route_guide_pb2_grpc as pb_grpc

KEEPALIVE_MS = 10_000


def options(service: str) -> list[tuple[str, int | str]]:
    """Returns the channel's options.

    Args:
        service: full name of the service, asked for in health checks.
    """
    config = {
        # The server's Kubernetes service is headless: DNS gives the address of
        # every ready pod, and the channel keeps a connection to each. When a
        # pod or its node is lost, calls go on over the other at once, without
        # waiting for kube-proxy to learn of it.
        "loadBalancingConfig": [{"round_robin": {}}],
        # Leaves a pod out while it reports NOT_SERVING.
        "healthCheckConfig": {"serviceName": service},
    }
    return [
        ("grpc.service_config", json.dumps(config)),
        # A lost node closes no connection; unanswered pings show that it is gone.
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # Try again soon, and look the name up again soon: pods come back elsewhere.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 2_000),  # also limits one attempt to connect
        ("grpc.max_reconnect_backoff_ms", 3_000),
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        ("grpc.enable_http_proxy", 0),  # the server is a neighbour, never behind a proxy
    ]


def open_channel(host: str, port: int, service: str) -> grpc.Channel:
    """Opens a channel to all servers behind host:port; connects lazily."""
    return grpc.insecure_channel(f"dns:///{host}:{port}", options(service))


class Link:
    """The client's connection to the service, which can be made anew.

    gRPC waits longer and longer between two look-ups of a name that does not
    resolve, up to two minutes, whatever the channel's options say: after an
    outage of the whole service a client would sleep on. A new channel asks at once.

    Attributes:
        stub: calls the service through the present channel.
    """

    def __init__(self, host: str, port: int, service: str) -> None:
        """See `open_channel`."""
        self._target = (host, port, service)
        self._open()

    def _open(self) -> None:
        self._channel = open_channel(*self._target)
        self.stub = pb_grpc.RouteGuideStub(self._channel)

    def renew(self) -> None:
        """Replaces the channel. Calls that still run on the old one are cancelled."""
        self._channel.close()
        self._open()

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()
