"""Tests of stamp variables."""

import pytest

from rules.common import stamping
from rules.common.errors import InputError


def test_variables_are_filled_in_and_other_braces_stay() -> None:
    """Names are in capitals; JSON in a label is not a variable."""
    assert stamping.fill('{USER}-{"a": {}}-{user}', {"USER": "me"}, "x") == 'me-{"a": {}}-{user}'


def test_a_later_status_file_wins(tmp_path) -> None:
    """Values keep their inner and leading spaces; a line without a key is ignored."""
    (tmp_path / "stable").write_text("STABLE_A one two\nB  2\n\n value\n")
    (tmp_path / "volatile").write_text("B 3\nC\n")

    assert stamping.read_status([tmp_path / "stable", str(tmp_path / "volatile")]) == {"STABLE_A": "one two", "B": "3", "C": ""}


def test_a_status_file_that_is_not_there_is_named(tmp_path) -> None:
    """The error has the path and the system's reason."""
    with pytest.raises(InputError, match=f"cannot read the workspace status {tmp_path}/none: No such file or directory; build the target again$"):
        stamping.read_status([tmp_path / "none"])


def test_an_unknown_variable_is_named_with_what_there_is() -> None:
    """The error has the place, the key and the keys of the status."""
    with pytest.raises(InputError, match=r"^//a:b: the workspace status has no NOBODY \(it has: A, B\)\. Print it"):
        stamping.fill("{NOBODY}", {"B": "1", "A": "2"}, "//a:b")


def test_which_variables_bazel_watches() -> None:
    """Variables are found by the grammar; those of the stable status are known by their names."""
    assert stamping.variables('{STABLE_A}-{"b": {}}-{c}-{D1}{BUILD_USER}') == ["STABLE_A", "D1", "BUILD_USER"]
    assert [key for key in ("STABLE_A", "D1", "BUILD_USER", "BUILD_TIMESTAMP", "MY_STABLE_A") if stamping.is_stable(key)] == ["STABLE_A", "BUILD_USER"]
    assert stamping.placeholders("a/{BUILD_USER}:{x}") == "a/x:{x}"
