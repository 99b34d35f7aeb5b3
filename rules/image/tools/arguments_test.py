"""Tests of the command lines of the image tools."""

from __future__ import annotations

import pytest

from rules.image.tools.arguments import read_arguments, take_pairs

ARGUMENTS = ["--where=//a:é", "--file", "日本.txt", "@home//x"]


def _twice(text: str) -> str:
    return text.encode().decode("latin-1")


@pytest.mark.parametrize("write", [str, _twice])
@pytest.mark.parametrize("in_file", [True, False])
def test_text_arrives_however_bazel_wrote_it(tmp_path, write, in_file: bool) -> None:
    """Text arrives unchanged, encoded once or twice, in a file or in a worker's request."""
    given = [write(argument) for argument in [*ARGUMENTS, "--encoding=é"]]
    if in_file:
        (tmp_path / "file").write_text("".join(f"{argument}\n" for argument in given), "utf-8")
        given = [f"@{tmp_path}/file"]
    assert read_arguments(given) == ARGUMENTS


def test_without_the_rules_nothing_is_decoded() -> None:
    """Arguments that a person types are not decoded."""
    assert read_arguments([_twice("é"), "x"]) == [_twice("é"), "x"]


def test_bytes_that_are_no_text_stay() -> None:
    """A file name may have any bytes."""
    assert read_arguments(["a\udcff", "ł", _twice("--encoding=é")]) == ["a\udcff", "ł"]


def test_values_of_pairs_may_begin_with_dashes() -> None:
    """An option's name is a value in the position of a value."""
    pairs, rest = take_pairs(["--a=1", "--file", "-x", "--file", "--b=-2", "--link", "--link", "y"], ["--file", "--link"])
    assert pairs == {"--file": [("-x", "--file")], "--link": [("--link", "y")]}
    assert rest == ["--a=1", "--b=-2"]
