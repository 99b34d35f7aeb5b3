"""The example's generated code, against a real gRPC server in this process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from google.protobuf import timestamp_pb2

from rules.proto.examples.greeter import greeter_pb2, greeter_pb2_grpc, name_pb2


class _Greeter(greeter_pb2_grpc.GreeterServicer):  # type: ignore[misc]  # protoc writes the base class, without types
    """Greets everyone but the nameless."""

    def Greet(self, request: name_pb2.Person, context: grpc.ServicerContext) -> greeter_pb2.Greeting:
        if not request.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a person needs a name")
        return greeter_pb2.Greeting(text=f"Hello, {request.name}", time=timestamp_pb2.Timestamp(seconds=7))

    def GreetAll(self, request_iterator: Iterator[name_pb2.Person], context: grpc.ServicerContext) -> Iterator[greeter_pb2.Greeting]:
        for request in request_iterator:
            yield self.Greet(request, context)


@pytest.fixture
def stub() -> Iterator[greeter_pb2_grpc.GreeterStub]:
    """A client of a server that lives as long as the test."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    greeter_pb2_grpc.add_GreeterServicer_to_server(_Greeter(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield greeter_pb2_grpc.GreeterStub(channel)
    server.stop(None).wait()


def test_unary_call(stub: greeter_pb2_grpc.GreeterStub) -> None:
    """A unary call carries messages of the file, of a dependency and of a well-known type."""
    answer = stub.Greet(name_pb2.Person(name="Ada"), timeout=10)

    assert (answer.text, answer.time.seconds) == ("Hello, Ada", 7)


def test_streaming_call(stub: greeter_pb2_grpc.GreeterStub) -> None:
    """A call that streams both ways answers each message in order."""
    people = (name_pb2.Person(name=name) for name in ("Ada", "Alan"))

    assert [answer.text for answer in stub.GreetAll(people, timeout=10)] == ["Hello, Ada", "Hello, Alan"]


def test_error_status(stub: greeter_pb2_grpc.GreeterStub) -> None:
    """A status that the server sets reaches the client."""
    with pytest.raises(grpc.RpcError) as caught:
        stub.Greet(name_pb2.Person(), timeout=10)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
