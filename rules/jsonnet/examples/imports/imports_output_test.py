"""Test of the file that the action writes."""

from pathlib import Path


def test_output() -> None:
    """The action searches the folders in `imports`."""
    assert (Path(__file__).parent / "imports.json").read_text() == '[\n   1,\n   "two\\n"\n]\n'
