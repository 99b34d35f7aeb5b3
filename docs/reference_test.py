"""Tests that what is generated in docs/ is current."""

import difflib
from functools import cache
from pathlib import Path

import pytest

from docs.tools import generator, picture

_ROOT = Path()


@cache
def _generated() -> dict[str, str]:
    """Returns each page's text by its path."""
    return generator.pages(_ROOT)


@pytest.mark.parametrize("name", ["README", *generator.PAGES])
def test_page_is_current(name: str) -> None:
    """A page is what the generator writes; otherwise the failure shows the difference and the one command that cures it."""
    path = f"{generator.FOLDER}/{name}.md"
    found = (_ROOT / path).read_text(encoding="utf-8") if (_ROOT / path).exists() else ""
    expected = _generated()[path]
    if found != expected:
        diff = "".join(difflib.unified_diff(found.splitlines(True), expected.splitlines(True), path, "generated"))
        pytest.fail(f"{diff}\n{path} is not what the .bzl files say. Run:\n    {generator.UPDATE}", pytrace=False)


def test_no_page_is_left_over() -> None:
    """Every file of the folder is generated."""
    assert sorted(str(path) for path in (_ROOT / generator.FOLDER).iterdir()) == sorted(_generated())


def test_picture_is_current() -> None:
    """The picture is what the recorded run looks like with the present code of the terminal's tree."""
    expected = picture.draw((_ROOT / picture.RECORD).read_text(encoding="utf-8"))

    assert (_ROOT / picture.PICTURE).read_text(encoding="utf-8") == expected, f"run {generator.UPDATE}"
