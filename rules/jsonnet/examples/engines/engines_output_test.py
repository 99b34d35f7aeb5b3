"""What the actions wrote with each engine."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


@pytest.mark.parametrize("engine", ["gojsonnet", "jsonnet", "rjsonnet"])
def test_same_bytes(engine: str) -> None:
    """The file is the golden one, whichever engine the target names."""
    assert (_HERE / f"{engine}.json").read_bytes() == (_HERE / "numbers_golden.json").read_bytes()
