"""Copies one well-known type's definition out of grpcio-tools: `well_known NAME.proto OUTPUT`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import grpc_tools


def main(argv: Sequence[str]) -> int:
    """Copies the definition.

    Args:
        argv: file name below google/protobuf, and the file to write.

    Returns:
        0 when copied, 1 when there is no such type, 2 for wrong usage.
    """
    if len(argv) != 2:
        sys.stderr.write("ERROR: usage: well_known NAME.proto OUTPUT\n")
        return 2
    folder = Path(grpc_tools.__file__).parent / "_proto" / "google" / "protobuf"
    source = folder / argv[0]
    if not source.is_file():
        known = ", ".join(sorted(path.name for path in folder.glob("*.proto")))
        sys.stderr.write(f"ERROR: grpcio-tools has no well-known type {argv[0]}; it has: {known}\n")
        return 1
    Path(argv[1]).write_bytes(source.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
