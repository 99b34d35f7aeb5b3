"""Tests of the client: retries, readiness, command line, and recovery over real gRPC."""

import itertools
import logging
import threading
import time
from concurrent import futures

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from proto import route_guide_pb2 as pb
from proto import route_guide_pb2_grpc as pb_grpc
from python.client import main, tour
from python.client.channel import ServerConnection, open_channel


class Unavailable(grpc.RpcError):
    """Error of a failed call."""

    def code(self):
        """Returns the status."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        """Returns the details."""
        return "nobody\nthere"


def _call(*outcomes):
    """Returns a call that raises or returns the outcomes in turn."""
    left = iter(outcomes)

    def run(deadline_s):
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return tour.Call("Method", run)


def _caller(stopping=None, clock=time.monotonic, reconnect=lambda: None):
    return main.Caller(stopping or threading.Event(), reconnect, clock=clock, waits=lambda: itertools.repeat(0.001))


def test_an_answer_is_logged(caplog):
    """The log line of a response has method, response and duration."""
    caplog.set_level(logging.INFO)

    assert _caller().make(_call("answered: yes"))
    (record,) = caplog.records
    assert record.getMessage().startswith("Method answered: yes (")


def test_failures_are_logged_and_tried_again(caplog):
    """Each failure is logged as a warning and replaces the connection, until the call succeeds."""
    reconnected = []
    caller = _caller(reconnect=lambda: reconnected.append(1))

    assert caller.make(_call(Unavailable(), Unavailable(), "answered"))
    assert len(reconnected) == 2

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"Method attempt {n} failed: UNAVAILABLE: nobody\nthere; again in 0.0 s" for n in (1, 2)]


def test_the_first_attempts_are_short():
    """Until the first response, attempts have short deadlines at first; afterwards each has the whole one."""
    deadlines = []

    def run(deadline_s):
        deadlines.append(deadline_s)
        if len(deadlines) in (7, 9):
            return "answered"
        raise Unavailable

    caller = _caller()
    assert caller.make(tour.Call("Method", run)) and caller.make(tour.Call("Method", run))
    assert deadlines == [*main.FIRST_DEADLINES_S, *[main.DEADLINE_S] * 4]


def test_no_attempt_after_the_stop():
    """After the stop event, no call is made."""
    stopping = threading.Event()
    stopping.set()

    assert not _caller(stopping).make(_call("never"))


def test_ready_depends_on_the_last_response():
    """The client is ready only if its last response is recent."""
    now = 100.0
    caller = _caller(clock=lambda: now)
    before = caller.ready()
    caller.make(_call("answered"))
    just_after = caller.ready()
    now += main.READY_WITHIN_S + 1

    assert before == (False, "no call has succeeded yet")
    assert just_after == (True, "the last answer came 0.0 s ago")
    assert caller.ready() == (False, "the last answer came 16.0 s ago")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--server-host"),
        (["--server-host=x", "--server-port=0", "--port=1"], "'0' is not a port"),
        (["--server-host=x", "--server-port=1", "--port=1", "--every=0"], "use a number of seconds between 0 and"),
        (["--server-host=x", "--server-port=1", "--port=1", "--every=soon"], "'soon' is not valid"),
    ],
)
def test_usage_is_checked(arguments, why, capsys):
    """Wrong usage exits with code 2 and a message that says what is valid."""
    assert main.main(arguments, {}) == 2
    assert why in capsys.readouterr().err


class Guide(pb_grpc.RouteGuideServicer):  # type: ignore[misc]  # protoc writes the base class, without types
    """RouteGuide that responds to FindPlace with its own name."""

    def __init__(self, name):
        self._name = name

    def FindPlace(self, request, context):
        """Returns no place, with the name of this server."""
        return pb.FoundPlace(origin=pb.Origin(server=self._name))


class RunningServer:
    """Server with health checks on a given port."""

    def __init__(self, name, port=0):
        self.health = health.HealthServicer()
        self.say(health_pb2.HealthCheckResponse.SERVING)
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        pb_grpc.add_RouteGuideServicer_to_server(Guide(name), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    def say(self, status):
        """Reports a health status."""
        self.health.set(main.SERVICE, status)

    def kill(self):
        """Stops the server at once."""
        self._server.stop(None).wait()


def _who_answers(stub, deadline_s=15.0):
    answer = stub.FindPlace(pb.Position(), timeout=deadline_s, wait_for_ready=True)
    return answer.origin.server


def test_the_channel_survives_a_restarted_server():
    """After a server restart, the same channel reaches the new server."""
    first = RunningServer("first")
    with open_channel("127.0.0.1", first.port, main.SERVICE) as channel:
        stub = pb_grpc.RouteGuideStub(channel)
        assert _who_answers(stub) == "first"

        first.kill()
        second = RunningServer("second", first.port)

        assert _who_answers(stub) == "second"
        second.kill()


def test_the_channel_avoids_a_server_that_does_not_serve():
    """A server that reports NOT_SERVING gets no calls until it reports SERVING again."""
    server = RunningServer("only")
    with open_channel("127.0.0.1", server.port, main.SERVICE) as channel:
        stub = pb_grpc.RouteGuideStub(channel)
        assert _who_answers(stub) == "only"

        server.say(health_pb2.HealthCheckResponse.NOT_SERVING)
        time.sleep(0.5)
        with pytest.raises(grpc.RpcError) as waited:
            _who_answers(stub, deadline_s=1.0)
        server.say(health_pb2.HealthCheckResponse.SERVING)

        assert waited.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert _who_answers(stub) == "only"
    server.kill()


def test_a_replaced_channel_works():
    """After replace_channel, calls use the new channel."""
    server = RunningServer("only")
    connection = ServerConnection("127.0.0.1", server.port, main.SERVICE)
    before = connection.stub
    assert _who_answers(connection.stub) == "only"

    connection.replace_channel()

    assert connection.stub is not before
    assert _who_answers(connection.stub) == "only"
    connection.close()
    server.kill()


def test_rounds_continue_until_stopped():
    """Rounds are made until the stop event is set."""
    stopping = threading.Event()
    made = []

    def rounds():
        for number in itertools.count():
            if number == 3:
                stopping.set()
            yield [tour.Call(f"M{number}", lambda deadline: made.append(1) or "answered")]

    main.run(rounds(), _caller(stopping), 0.001, stopping)

    assert len(made) == 3
