"""A program for the image tests whose third-party packages come through generated code only."""

from rules.image.tests.app import echo_pb2, echo_pb2_grpc

if __name__ == "__main__":
    print(echo_pb2.Text(text="hello").text, echo_pb2_grpc.EchoStub.__name__)
