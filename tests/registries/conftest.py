"""Fixtures of tests with public registries."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registries import programs
from tests.registries.real import RealRegistry


@pytest.fixture(name="registry_program", scope="session", params=["2.8", "3"])
def _registry_program(request, tmp_path_factory) -> Path:
    """Returns the path of the registry, for each version in turn."""
    return programs.distribution() if request.param == "3" else programs.docker_registry(tmp_path_factory.mktemp("debian"))


@pytest.fixture(name="registry")
def _registry(registry_program, tmp_path) -> Iterator[RealRegistry]:
    """Returns a running, empty registry without TLS and login."""
    with RealRegistry(registry_program, tmp_path / "registry") as registry:
        yield registry
