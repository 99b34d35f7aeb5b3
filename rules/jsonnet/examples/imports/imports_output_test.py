"""What the action found in the folders of `imports`."""

from pathlib import Path


def test_output() -> None:
    """The action searches the folders as the test does."""
    assert (Path(__file__).parent / "imports.json").read_text() == '[\n   1,\n   "two\\n"\n]\n'
