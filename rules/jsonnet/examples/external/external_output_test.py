"""Test of the file that the action writes."""

import json
from pathlib import Path

_HERE = Path(__file__).parent


def test_output() -> None:
    """The action finds source files and generated files of the other repository."""
    assert json.loads((_HERE / "external.json").read_text()) == json.loads((_HERE / "external_golden.json").read_text())
