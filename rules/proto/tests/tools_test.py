"""The compiler that proto_library runs, and what it says about bad input."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import grpc_tools

_ROOT = Path(os.environ["RUNFILES_DIR"]) / os.environ.get("TEST_WORKSPACE", "turnup")


def _run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs one of the tools from the workspace root."""
    command = [str(_ROOT / "rules/proto/tools" / tool), *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_bad_proto_is_one_sentence(tmp_path: Path) -> None:
    """An unknown type is reported with workspace path, line and column, and nothing of Python."""
    bad = "rules/proto/tests/bad.proto"

    result = _run("protoc", f"--descriptor_set_out={tmp_path}/d", "-I.", bad)

    assert result.returncode == 1
    assert result.stderr == f'{bad}:6:3: "strin" is not defined.\n'
    assert not (tmp_path / "d").exists()


def test_import_without_dependency_is_one_sentence(tmp_path: Path) -> None:
    """An import that deps does not give is reported with the message that Bazel hands over."""
    well_known_types = Path(grpc_tools.__file__).parent / "_proto"
    source = "rules/proto/tests/well_known.proto"

    result = _run(
        "protoc",
        f"--descriptor_set_out={tmp_path}/d",
        "-I.",
        f"-I{well_known_types}",
        f"--direct_dependencies={source}",
        "--direct_dependencies_violation_msg=%s is imported, but no dependency has it.",
        source,
    )

    assert result.returncode == 1
    assert "google/protobuf/any.proto is imported, but no dependency has it." in result.stderr
    assert "Traceback" not in result.stderr


def test_well_known_copies_a_type(tmp_path: Path) -> None:
    """A well-known type is copied byte by byte."""
    assert _run("well_known", "any.proto", str(tmp_path / "any.proto")).returncode == 0

    original = Path(grpc_tools.__file__).parent / "_proto/google/protobuf/any.proto"
    assert (tmp_path / "any.proto").read_bytes() == original.read_bytes()


def test_unknown_well_known_type(tmp_path: Path) -> None:
    """A type that does not exist is refused with the list of those that do."""
    result = _run("well_known", "moment.proto", str(tmp_path / "out"))

    assert result.returncode == 1
    assert result.stderr.startswith("ERROR: grpcio-tools has no well-known type moment.proto; it has: any.proto, ")


def test_usage() -> None:
    """Missing arguments end with exit code 2."""
    assert _run("well_known").returncode == 2
