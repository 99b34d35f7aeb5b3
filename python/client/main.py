"""RouteGuide's client: calls all four methods repeatedly and logs the responses."""

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
from python.client.channel import ServerConnection
from python.common import backoff, logs, settings, stopping
from python.common.health_http import HealthEndpoint

log = logging.getLogger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["RouteGuide"].full_name
DEADLINE_S = 4.0
"""Deadline of one attempt in seconds, including the time to connect."""
FIRST_DEADLINES_S = (1.0, 1.0, 1.0, 2.0, 2.0)
"""Deadlines of the first attempts while no call has succeeded yet, in seconds: a new stack's server appears in DNS within such a time."""
FIRST_WAIT_S = 0.5
"""The longest delay between two attempts while no call has succeeded yet, in seconds."""
READY_WITHIN_S = 15.0
"""The client is ready if its last response is not older than this, in seconds."""


class Caller:
    """Makes calls with retries, and keeps the time of the last response."""

    def __init__(
        self,
        stopping_event: threading.Event,
        reconnect: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        waits: Callable[[], Iterable[float]] = backoff.delays,
    ) -> None:
        """Keeps the settings.

        Args:
            stopping_event: ends all retries when it is set.
            reconnect: replaces the connection; called after each failure.
            clock: returns a monotonic time in seconds.
            waits: returns the delays between the attempts of one call, in seconds.
        """
        self._stopping = stopping_event
        self._reconnect = reconnect
        self._clock = clock
        self._waits = waits
        self._answered_at: float | None = None

    def make(self, call: tour.Call) -> bool:
        """Makes a call, retries it after each failure, and logs the response in one line.

        Args:
            call: the call.

        Returns:
            True if the call succeeded, False if the client stops.
        """
        started = self._clock()
        for attempt, delay in enumerate(self._waits(), start=1):
            if self._stopping.is_set():
                break
            deadline_s, wait = DEADLINE_S, delay
            if self._answered_at is None and attempt <= len(FIRST_DEADLINES_S):
                # gRPC looks up a name that does not exist yet ever more rarely; a new attempt does so at once.
                deadline_s, wait = FIRST_DEADLINES_S[attempt - 1], min(delay, FIRST_WAIT_S)
            try:
                answer = call.run(deadline_s)
            except grpc.RpcError as error:
                log.warning("%s attempt %d failed: %s; again in %.1f s",
                            call.method, attempt, describe(error), wait)  # fmt: skip
                self._stopping.wait(wait)
                self._reconnect()
                continue
            self._answered_at = self._clock()
            took_ms = (self._answered_at - started) * 1000
            log.info("%s %s (%.0f ms)", call.method, answer, took_ms)
            return True
        return False

    def ready(self) -> tuple[bool, str]:
        """Returns whether a call succeeded within the last READY_WITHIN_S seconds, and the reason."""
        if self._answered_at is None:
            return False, "no call has succeeded yet"
        age = self._clock() - self._answered_at
        return age <= READY_WITHIN_S, f"the last answer came {age:.1f} s ago"


def describe(error: grpc.RpcError) -> str:
    """Returns status and details of a failed call as one line."""
    code = error.code().name if hasattr(error, "code") else type(error).__name__
    details = error.details() if hasattr(error, "details") else str(error)
    return f"{code}: {details}"


def run(
    rounds: Iterable[list[tour.Call]],
    caller: Caller,
    every_s: float,
    stopping_event: threading.Event,
) -> None:
    """Makes a round of calls every `every_s` seconds, until the event is set.

    Args:
        rounds: the calls of each round.
        caller: makes the calls.
        every_s: seconds between the starts of two rounds.
        stopping_event: ends the rounds when it is set.
    """
    for calls in rounds:
        due = time.monotonic() + every_s
        for call in calls:
            if not caller.make(call):
                return
        if stopping_event.wait(max(0.0, due - time.monotonic())):
            return


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Returns the parser of the command line, with defaults from the environment variables."""
    result = argparse.ArgumentParser(prog="client", description=__doc__)
    add = settings.add
    add(result, env, "--server-host", "SERVER_HOST", "host of the server's Service")
    add(result, env, "--server-port", "SERVER_PORT", "port of the server's Service", parse=settings.port)
    add(result, env, "--port", "PORT", "port of the health endpoint", parse=settings.port)
    add(result, env, "--every", "EVERY_S", "seconds between rounds", parse=_seconds, default="2")
    add(result, env, "--log-format", "LOG_FORMAT", "format of the log: text or json", parse=logs.format_name, default="text")
    return result


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid; use a number of seconds between 0 and 3600")
    return value


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Makes calls until SIGTERM or SIGINT.

    Args:
        argv: arguments; those of the process if None.
        env: environment variables.

    Returns:
        Exit code: 0, or 1 if the port can't be bound, or 2 for wrong usage.
    """
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as stopped:  # argparse has printed the error or the help text
        return int(stopped.code or 0)
    logs.configure(log_format=options.log_format)
    stopping_event = stopping.stop_event()
    connection = ServerConnection(options.server_host, options.server_port, SERVICE)
    caller = Caller(stopping_event, connection.replace_channel)
    checks = {"/ready": caller.ready, "/live": lambda: (True, "alive")}
    try:
        endpoint = HealthEndpoint("", options.port, checks)
    except OSError as error:
        print(f"ERROR: client: can't listen on port {options.port}: {error}", file=sys.stderr)
        return 1
    endpoint.start()
    log.info("calling %s at %s:%d", SERVICE, options.server_host, options.server_port)
    author = socket.gethostname()[:64]
    run(tour.rounds(lambda: connection.stub, author), caller, options.every, stopping_event)
    connection.close()
    endpoint.close()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
