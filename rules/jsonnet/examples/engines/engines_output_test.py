"""Tests of the files that the actions write with each engine."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


@pytest.mark.parametrize("engine", ["gojsonnet", "jsonnet", "rjsonnet"])
def test_same_bytes(engine: str) -> None:
    """The file equals the golden file, with every engine."""
    assert (_HERE / f"{engine}.json").read_bytes() == (_HERE / "numbers_golden.json").read_bytes()
