"""The reference has every attribute and provider field of the image rules, and the README links to every public symbol."""

import re
from pathlib import Path

import pytest

FOLDER = Path("rules/image")
README = (FOLDER / "README.md").read_text("utf-8")
REFERENCE = Path("docs/reference/image.md").read_text("utf-8")
CELLS = {line.split("|")[1].strip("` ") for line in REFERENCE.splitlines() if line.startswith("|")}
# Rules that macros and repositories use, not BUILD files.
_INNER = {"imported_image.bzl", "prebuilt_image.bzl"}


@pytest.mark.parametrize("path", sorted(path.name for path in (FOLDER / "private").glob("*.bzl") if path.name not in _INNER))
def test_each_attribute_stands_in_a_table(path) -> None:
    """Every attribute of a rule is in a table."""
    text = (FOLDER / "private" / path).read_text("utf-8")
    names = set(re.findall(r'^    "?([a-z]\w*)"?(?: =|:) attr\.\w+\(', text, re.MULTILINE))
    missing = sorted(names - CELLS)
    assert missing == []


def test_each_provider_field_stands_in_a_table() -> None:
    """Every field of a provider is in a table."""
    fields = set(re.findall(r'^        "(\w+)": "', (FOLDER / "private/providers.bzl").read_text("utf-8"), re.MULTILINE))
    assert fields
    assert sorted(fields - CELLS) == []


@pytest.mark.parametrize("name", re.findall(r"^### (\w+)$", REFERENCE, re.MULTILINE))
def test_readme_names_each_symbol(name) -> None:
    """The README names every rule, macro and provider that others load."""
    assert name in README or name in ("PREBUILT_IMAGE_ATTRS", "PUSH_PLAN_ATTRS", "image_info", "push_files", "write_push_plan")
