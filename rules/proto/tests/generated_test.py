"""Generated modules where the import path is not the workspace path, and of the well-known types."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from google.protobuf import duration_pb2
from inner import dash_name_pb2, dash_name_pb2_grpc

from rules.proto.tests import well_known_pb2


def test_stripped_prefix() -> None:
    """A module is imported by the path that the .proto is imported by, dashes turned into underscores."""
    pause = dash_name_pb2.Pause(length=duration_pb2.Duration(seconds=3))

    assert dash_name_pb2.Pause.FromString(pause.SerializeToString()).length.seconds == 3
    assert dash_name_pb2_grpc.PausesStub.__name__ == "PausesStub"


def test_descriptor_keeps_its_import_path() -> None:
    """The descriptor is registered under the import path, so that other languages agree on it."""
    assert dash_name_pb2.DESCRIPTOR.name == "inner/dash-name.proto"
    assert well_known_pb2.DESCRIPTOR.name == "rules/proto/tests/well_known.proto"


def test_well_known_types() -> None:
    """Each well-known type is the runtime's own class, with its helpers."""
    message = well_known_pb2.Everything()
    message.struct.update({"a": [1, "b"]})
    message.any.Pack(message.struct)
    message.field_mask.FromJsonString("a,b")
    message.text.value = "t"
    message.empty.SetInParent()

    copy = well_known_pb2.Everything.FromString(message.SerializeToString())
    assert copy == message
    assert copy.any.Is(message.struct.DESCRIPTOR)


def test_generator_fits_the_runtime() -> None:
    """The locked protobuf runtime is at least as new as the generator inside the locked grpcio-tools."""
    source = Path(well_known_pb2.__file__).read_text(encoding="utf-8")
    match = re.search(r"Protobuf Python Version: (\d+)\.(\d+)\.(\d+)", source)
    assert match
    generator = tuple(map(int, match.groups()))
    runtime = tuple(int(part) for part in metadata.version("protobuf").split(".")[:3])

    assert runtime >= generator
    assert runtime[0] - generator[0] <= 1
