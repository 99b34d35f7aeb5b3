"""The README names every attribute and provider field of the image rules."""

import re
from pathlib import Path

import pytest

FOLDER = Path("rules/image")
README = (FOLDER / "README.md").read_text("utf-8")
CELLS = {word.strip("` ") for line in README.splitlines() if line.startswith("|") for cell in line.split("|")[1:3] for word in re.split("[,;]", cell)}
# Rules that macros and repositories use, not BUILD files.
_INNER = {"imported_image.bzl", "prebuilt_image.bzl"}


@pytest.mark.parametrize("path", sorted(path.name for path in (FOLDER / "private").glob("*.bzl") if path.name not in _INNER))
def test_each_attribute_stands_in_a_table(path) -> None:
    """What a rule takes is found where a reader looks."""
    text = (FOLDER / "private" / path).read_text("utf-8")
    names = set(re.findall(r'^    "?([a-z]\w*)"?(?: =|:) attr\.\w+\(', text, re.M))
    missing = sorted(name for name in names if name not in CELLS and f"`{name}`" not in README)
    assert missing == []


def test_each_provider_field_stands_in_a_table() -> None:
    """What other rules read is found too."""
    fields = set(re.findall(r'^        "(\w+)": "', (FOLDER / "private/providers.bzl").read_text("utf-8"), re.M))
    assert fields
    assert sorted(fields - CELLS) == []
