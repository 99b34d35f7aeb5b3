"""Tests of the command line of one rendering."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.jsonnet.tools import request as requests
from rules.jsonnet.tools.errors import UsageError


def test_every_argument() -> None:
    """Each flag sets its field, and repeated flags keep their order."""
    parsed = requests.parse(
        [
            "--label=//a:b",
            "--src=a.jsonnet",
            "--out=x",
            "--out=y=z",
            "--multiple",
            "--input=i",
            "--import=lib",
            "--max_stack=9",
            '--ext_code=["n","{\\n  a: 1\\n}"]',
            '--tla_str_file=["t","p"]',
            "--ext_str_env=HOME",
        ]
    )

    assert (parsed.label, parsed.src, parsed.outs, parsed.multiple) == (
        "//a:b",
        "a.jsonnet",
        ["x", "y=z"],
        True,
    )
    assert (parsed.inputs, parsed.imports, parsed.max_stack) == (["i"], ["lib"], 9)
    assert parsed.bindings == [
        requests.Binding("ext", True, "value", "n", "{\n  a: 1\n}"),
        requests.Binding("tla", False, "file", "t", "p"),
        requests.Binding("ext", False, "env", "HOME", "HOME"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--src=a", "--nonsense=1"],
        ["--src=a", "stray"],
        ["--src=a", "--multiple=yes"],
        ["--src=a", "--out"],
        ["--src=a", "--max_stack=0"],
        ["--src=a", "--max_stack=many"],
        ["--src=a", "--ext_str=plain"],
        ["--src=a", '--ext_str=["only"]'],
        ["--out=a"],
        ["--src=a", "--encoding=?"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """An unknown argument, a malformed one and a missing program are usage errors."""
    with pytest.raises(UsageError):
        requests.parse(arguments)


def test_parameter_file(tmp_path: Path) -> None:
    """A parameter file is replaced by its lines; other arguments are unchanged."""
    (tmp_path / "p").write_text("--src=é.jsonnet\n--out=o\n", encoding="utf-8")

    assert requests.expand(["--multiple", f"@{tmp_path}/p"]) == ["--multiple", "--src=é.jsonnet", "--out=o"]


def test_missing_parameter_file() -> None:
    """The error for a parameter file that can't be read names it."""
    with pytest.raises(UsageError, match="none: can't read this parameter file"):
        requests.expand(["@none"])


def test_text_that_is_not_utf8() -> None:
    """The error for a BUILD file in another encoding has the argument with the wrong text."""
    probe = "é".encode().decode("latin-1")

    with pytest.raises(UsageError, match="the BUILD file has text that is not UTF-8, in .*caf.*; save the file as UTF-8"):
        requests.parse(["--src=a", '--ext_str=["n","caf\xe9"]', f"--encoding={probe}"])


def test_unlimited_stack_trace() -> None:
    """--max_trace=0 means all lines, as for jsonnet."""
    assert requests.parse(["--src=a", "--max_trace=0"]).max_trace == 0


@pytest.mark.parametrize("probe", ["é", "é".encode().decode("latin-1")])
def test_encoding(probe: str) -> None:
    """Arguments are the same as in the BUILD file, whether or not Bazel encoded them twice."""
    twice = probe != "é"
    text = '["n","Ã¼ ü 日本"]'
    sent = text.encode().decode("latin-1") if twice else text

    parsed = requests.parse(["--src=a", f"--ext_str={sent}", f"--encoding={probe}"])

    assert parsed.bindings[0].value == "Ã¼ ü 日本"
