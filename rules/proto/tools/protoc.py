"""The protocol compiler of grpcio-tools as a command: `protoc [FLAG]… FILE.proto…`.

It takes protoc's own flags and has the Python and gRPC Python generators built
in, so one locked package serves proto_library, py_proto_library and
py_grpc_library.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from grpc_tools import protoc


def main(argv: Sequence[str]) -> int:
    """Runs the compiler.

    Args:
        argv: protoc's arguments without the program's name.

    Returns:
        protoc's exit code; it has printed its own messages, each with file,
        line and column.
    """
    return int(protoc.main(["protoc", *argv]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
