"""RouteGuide's client: calls all four methods again and again, and logs the answers."""

import argparse
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import grpc

from proto import route_guide_pb2 as pb
from python.client import tour
from python.client.channel import Link
from python.common import backoff, logs, settings, stopping
from python.common.health_http import HealthEndpoint

log = logging.getLogger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["RouteGuide"].full_name
DEADLINE_S = 4.0
"""Limit of one attempt; waiting for a connection counts."""
READY_WITHIN_S = 15.0
"""The client is ready while its last answer is not older than this."""


class Caller:
    """Makes calls until each is answered, and remembers when one last was."""

    def __init__(
        self,
        stopping_event: threading.Event,
        renew: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        waits: Callable[[], Iterable[float]] = backoff.delays,
    ) -> None:
        """Args:
        stopping_event: when set, no further attempt is made.
        renew: makes the connection anew; called after each failure.
        clock: returns seconds, never backwards.
        waits: returns the pauses (seconds) between the attempts of one call.
        """
        self._stopping = stopping_event
        self._renew = renew
        self._clock = clock
        self._waits = waits
        self._answered_at: float | None = None

    def make(self, call: tour.Call) -> bool:
        """Makes a call, again after each failure, and logs its answer in one line.

        Returns:
            True when it was answered, False when the client stops.
        """
        started = self._clock()
        for attempt, wait in enumerate(self._waits(), start=1):
            if self._stopping.is_set():
                break
            try:
                answer = call.run(DEADLINE_S)
            except grpc.RpcError as error:
                log.warning("%s attempt %d failed: %s; again in %.1f s",
                            call.method, attempt, describe(error), wait)  # fmt: skip
                self._stopping.wait(wait)
                self._renew()
                continue
            self._answered_at = self._clock()
            took_ms = (self._answered_at - started) * 1000
            log.info("%s %s (%.0f ms)", call.method, answer, took_ms)
            return True
        return False

    def ready(self) -> tuple[bool, str]:
        """Whether a call was answered within the last READY_WITHIN_S seconds."""
        if self._answered_at is None:
            return False, "no call was answered yet"
        age = self._clock() - self._answered_at
        return age <= READY_WITHIN_S, f"the last answer came {age:.1f} s ago"


def describe(error: grpc.RpcError) -> str:
    """Returns status and details of a failed call in one short text."""
    code = error.code().name if hasattr(error, "code") else type(error).__name__
    details = error.details() if hasattr(error, "details") else str(error)
    return f"{code}: {details}"


def run(
    rounds: Iterable[list[tour.Call]],
    caller: Caller,
    every_s: float,
    stopping_event: threading.Event,
) -> None:
    """Makes round after round, one every `every_s` seconds, until the event is set."""
    for calls in rounds:
        due = time.monotonic() + every_s
        for call in calls:
            if not caller.make(call):
                return
        if stopping_event.wait(max(0.0, due - time.monotonic())):
            return


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Builds the command line; `env` gives the defaults."""
    result = argparse.ArgumentParser(prog="client", description=__doc__)
    add = settings.add
    add(result, env, "--server-host", "SERVER_HOST", "the server's service name")
    add(result, env, "--server-port", "SERVER_PORT", "its port", type=settings.port)
    add(result, env, "--port", "PORT", "port of the health endpoint", type=settings.port)
    add(result, env, "--every", "EVERY_S", "seconds between rounds", type=_seconds, default="2")
    return result


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"seconds between 0 and 3600, got {text!r}")
    return value


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Calls until SIGTERM; returns the exit code (1 failed, 2 wrong usage)."""
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as refused:  # argparse has printed why
        return int(refused.code or 0)
    logs.configure()
    stopping_event = stopping.stop_event()
    link = Link(options.server_host, options.server_port, SERVICE)
    caller = Caller(stopping_event, link.renew)
    checks = {"/ready": caller.ready, "/live": lambda: (True, "alive")}
    try:
        endpoint = HealthEndpoint("", options.port, checks)
    except OSError as error:
        print(f"ERROR: client: port {options.port}: {error}", file=sys.stderr)
        return 1
    endpoint.start()
    log.info("calling %s at %s:%d", SERVICE, options.server_host, options.server_port)
    author = socket.gethostname()[:64]
    run(tour.rounds(lambda: link.stub, author), caller, options.every, stopping_event)
    link.close()
    endpoint.close()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
