"""Tests that actions pass variables and arguments in the same way as tests."""

import json
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["old_names", "stamped", "variables"])
def test_output(name: str) -> None:
    """The file that the action writes has the value of the golden file."""
    assert json.loads((_HERE / f"{name}.json").read_text()) == json.loads((_HERE / f"{name}_golden.json").read_text())
