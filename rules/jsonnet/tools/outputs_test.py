"""Tests of output files: splitting, indentation, names, and values that do not match the declared outputs."""

from __future__ import annotations

import json
import random
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, outputs
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import ENGINES, Request


def _print(code: str, name: str = ENGINES[0]) -> str:
    """Returns the value of a program in an engine's format."""
    return str(engine.load(name).evaluate(Call("a.jsonnet", lambda folder, path: (path, code), 500)))


def _engine(value: object, name: str = ENGINES[0]) -> str:
    """Returns a value in an engine's format."""
    return _print(json.dumps(value), name)


def _random_value(dice: random.Random, depth: int) -> object:
    """Returns a random value of any JSON type, with unusual strings."""
    kinds = ["text", "number", "word"] + (["object", "array"] if depth else [])
    match dice.choice(kinds):
        case "text":
            return "".join(dice.choice('a "\\\n    {}[],:é\x00') for _ in range(dice.randrange(12)))
        case "number":
            return dice.choice([0, -1, 1.5, 1e-7, 10**15])
        case "word":
            return dice.choice([None, True, False])
        case "object":
            return {f"k {i}\n": _random_value(dice, depth - 1) for i in range(dice.randrange(4))}
    return [_random_value(dice, depth - 1) for _ in range(dice.randrange(4))]


# The C++ engine takes 30 ms per evaluation, so it gets few seeds.
@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in ENGINES for seed in range(200 if name == "rjsonnet" else 15)])
def test_splitting_agrees_with_a_json_parser(name: str, seed: int) -> None:
    """Fields, elements and the whole text parse to the original value."""
    dice = random.Random(seed)
    fields = {f'f"{i}\\': _random_value(dice, 4) for i in range(3)}
    items = list(fields.values())
    text = _engine(fields, name)

    assert {field: json.loads(part) for field, part in outputs.split_object(text).items()} == fields
    assert [json.loads(part) for part in outputs.split_array(_engine(items, name))] == items
    assert json.loads(text) == fields


@pytest.mark.parametrize("name", ENGINES)
def test_indentation(name: str) -> None:
    """Values are formatted as by Jsonnet's reference implementation."""
    text = _engine({"b": [1, {"c": {}}], "a": [], "s": "x\n    y"}, name)

    assert text == '{\n   "a": [ ],\n   "b": [\n      1,\n      {\n         "c": { }\n      }\n   ],\n   "s": "x\\n    y"\n}'


_ODD = [
    *(["0.1", "1e21", "1e22", "1e-7", "100000000000000000000", "1/3", "-0", "1e300", "123456789012345678", "0.1+0.2", "1.0", "5e-324", "1e15", "1e16"]),
    *(["1e17", "-1.5", "1.7976931348623157e308", "-2.5e-10", "9007199254740993", "0.5", "1234567890123456"]),
    *(json.dumps(text) for text in ('\x00\b\f\x7f\x80\x9f\xa0\u2028\x1f\n\r\t"\\/é😀', "a: 0.10000000000000001", '"k": 1e5')),
    "{ '1e5': 0.1, 'a: 1.50': [2.50], '\\\\': 1e-3 }",
]


@pytest.mark.parametrize("name", ENGINES[1:])
def test_engines_print_the_same_bytes(name: str) -> None:
    """Numbers and control characters, which the engines format differently, become the same bytes."""
    for code in _ODD:
        assert _print(code, name) == _print(code), code
        assert _print(f"{{ k: [{code}] }}", name) == _print(f"{{ k: [{code}] }}"), code


def _layout(value: object, **fields: Any) -> dict[str, str]:
    """Returns the output files for a value."""
    return outputs.layout(Request(src="a.jsonnet", **fields), _engine(value))


def test_single_output() -> None:
    """A single output has the whole value and ends with a newline."""
    assert _layout({"x": 1}, outs=["bin/a.json"]) == {"bin/a.json": '{\n   "x": 1\n}\n'}


def test_multiple_outputs() -> None:
    """Each field is written to the output with its name, relative to the folder of all outputs."""
    files = _layout({"a.json": 1, "sub/b.json": []}, outs=["bin/p/a.json", "bin/p/sub/b.json"], multiple=True)

    assert files == {"bin/p/a.json": "1\n", "bin/p/sub/b.json": "[ ]\n"}


@pytest.mark.parametrize(
    ("outs", "names"),
    [
        (["bin/p/x/a.json", "bin/p/y/b.json"], ["x/a.json", "y/b.json"]),
        (["bin/p/sub/a.json", "bin/p/b.json"], ["sub/a.json", "b.json"]),
        (["bin/p/sub/a.json", "bin/p/sub/b.json"], ["a.json", "b.json"]),
        (["bin/p/sub/a.json"], ["a.json"]),
        (["one/a.json", "two/b.json"], ["one/a.json", "two/b.json"]),
    ],
)
def test_outputs_in_several_folders(outs: list[str], names: list[str]) -> None:
    """Names are relative to the deepest folder that contains all outputs, in any order."""
    assert list(_layout(dict.fromkeys(names, 1), outs=outs, multiple=True)) == sorted(outs)
    assert list(_layout(dict.fromkeys(names, 1), outs=outs[::-1], multiple=True)) == sorted(outs)


def test_many_names_are_checked_fast() -> None:
    """The names of 20,000 files are checked in linear time; quadratic time would be a minute."""
    text = _engine({f"a{i}/b/c.json": 1 for i in range(20_000)})
    start = time.process_time()

    assert len(outputs.layout(Request(src="a", out_dir="d", multiple=True), text)) == 20_000
    assert time.process_time() - start < 5


def test_folder_output() -> None:
    """With out_dir the program may produce any names."""
    assert _layout({"x/y.json": 1, "z": 2}, out_dir="bin/d", multiple=True) == {
        "bin/d/x/y.json": "1\n",
        "bin/d/z": "2\n",
    }


def test_yaml_stream() -> None:
    """An array becomes YAML documents between markers."""
    assert _layout([{"a": 1}, 2], outs=["o"], yaml_stream=True) == {"o": '---\n{\n   "a": 1\n}\n---\n2\n...\n'}


def test_string_output() -> None:
    """With --string the text is written unchanged, with a newline after it, as by `jsonnet -S`."""
    assert _layout("é\n  x", outs=["o"], string=True) == {"o": "é\n  x\n"}
    assert _layout("x\n", outs=["o"], string=True) == {"o": "x\n\n"}
    assert _layout({"f": "t"}, outs=["f"], string=True, multiple=True) == {"f": "t\n"}


def test_stream_of_texts() -> None:
    """In a stream of texts each document marker starts a new line."""
    assert _layout(["a: 1", "- x\n"], outs=["o"], string=True, yaml_stream=True) == {"o": "---\na: 1\n---\n- x\n\n...\n"}


@pytest.mark.parametrize(
    ("value", "fields", "message"),
    [
        (
            {"a": 1},
            {"outs": ["a", "b"], "multiple": True},
            r"the value lacks the fields b, which outs declares \(fields: a\)",
        ),
        (
            {"a": 1, "c": 2},
            {"outs": ["a"], "multiple": True},
            r"the value has the fields c, which outs does not declare \(outs: a\)",
        ),
        ({}, {"outs": ["a", "b"], "multiple": True}, r"fields: none"),
        (
            [1],
            {"outs": ["a", "b"], "multiple": True},
            "the value is an array; return an object with one field per file",
        ),
        ({}, {"outs": ["a"], "yaml_stream": True}, "the value is an object; return an array with one element per document, or remove yaml_stream"),
        (1, {"outs": ["a"], "string": True}, r"a.jsonnet is a number, not a string; convert it .* or remove --string from extra_args"),
        ({"a": 1}, {"outs": ["a"], "string": True, "multiple": True}, "a.jsonnet: the field 'a' is a number, not a string"),
        ([1], {"outs": ["a"], "string": True, "yaml_stream": True}, "a.jsonnet: an element is a number, not a string"),
        (
            {"../x": 1},
            {"out_dir": "d", "multiple": True},
            r"the field '\.\./x' is not a valid file name; use a relative path without \. and \.\.",
        ),
        ({"/x": 1}, {"out_dir": "d", "multiple": True}, "the field '/x' is not a valid file name"),
        ({"": 1}, {"out_dir": "d", "multiple": True}, "the field '' is not a valid file name"),
        ({"a\0b": 1}, {"out_dir": "d", "multiple": True}, r"the field 'a\\u0000b' is not a valid file name"),
        ({"a/b": 1, "a/b/c/d": 1}, {"out_dir": "d", "multiple": True}, "'a/b' is both a file and the folder of 'a/b/c/d'"),
        ({"a": 1, "a/b": 1}, {"out_dir": "d", "multiple": True}, "'a' is both a file and the folder of 'a/b'"),
    ],
)
def test_values_that_do_not_match(value: object, fields: dict[str, Any], message: str) -> None:
    """A value that does not match the declared outputs is an error that says what is wrong and what to do."""
    with pytest.raises(RenderError, match=message):
        _layout(value, **fields)


@pytest.mark.parametrize("code", ["{a: 1e999}", "[-1e999]", "1e999", "[1e999, 1]", "std.log(-1)", "{ a: std.log(-1), b: 1 }"])
def test_numbers_that_json_does_not_have(code: str) -> None:
    """An infinite number or NaN, which rjsonnet prints, is an error, because no JSON parser could read it."""
    with pytest.raises(RenderError, match="an infinite number or NaN, which JSON does not have"):
        outputs.layout(Request(src="a", outs=["o"]), _print(code, "rjsonnet"))


def test_words_inside_strings_are_not_numbers() -> None:
    """Strings that contain inf or NaN are written unchanged."""
    assert _layout(["info", "NaN"], outs=["o"])["o"] == '[\n   "info",\n   "NaN"\n]\n'
    assert json.loads(_layout({"inf": "inf", "b": "NaN,\n"}, outs=["o"])["o"]) == {"inf": "inf", "b": "NaN,\n"}


def test_deep_values_with_words_are_written() -> None:
    """A value that is too deep for Python's JSON parser is written, even with inf and NaN in its strings."""
    text = _print("{ info: 'inf', x: " + "[" * 1500 + "'NaN'" + "]" * 1500 + " }", "rjsonnet")

    assert outputs.layout(Request(src="a", outs=["o"]), text)["o"] == text + "\n"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("file/x", "remove the file that has the name of its folder"), ("folder", "remove the folder"), ("x" * 300, "shorten the name")],
)
def test_write_errors_say_what_to_do(tmp_path: Path, name: str, advice: str) -> None:
    """The error for a file that can't be written has advice for the reason."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()

    with pytest.raises(RenderError, match=f"{name}: can't write it: .*; .*{advice}"):
        outputs.write({str(tmp_path / name): "1"})


def test_a_partially_written_file_removes_the_others(tmp_path: Path) -> None:
    """If the disk is full (here: a limit of the file size), no partial and no other file remains."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(RenderError, match="/large: can't write it: File too large"):
            outputs.write({str(tmp_path / "small"): "1", str(tmp_path / "large"): "1" * 200_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


def test_a_failure_at_the_last_file_removes_the_others(tmp_path: Path) -> None:
    """If the last file can't be renamed or encoded, no other file remains."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(RenderError, match="folder"):
        outputs.write({str(tmp_path / "one"): "1", str(tmp_path / "folder"): "1"})
    with pytest.raises(UnicodeEncodeError):
        outputs.write({str(tmp_path / "one"): "1", str(tmp_path / "two"): "\ud800"})

    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    """A file that can't be rewritten keeps its old text."""
    (tmp_path / "golden").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        outputs.write({str(tmp_path / "golden"): "\ud800"})

    assert (tmp_path / "golden").read_text() == "old"


def test_long_names_are_written(tmp_path: Path) -> None:
    """A file name may be as long as the file system allows, although files are first written to a temporary path."""
    outputs.write({str(tmp_path / ("x" * 255)): "1"})

    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


def test_write_reports_the_file(tmp_path: Path) -> None:
    """The error for a file that can't be written has its path and the reason."""
    (tmp_path / "file").write_text("")

    with pytest.raises(RenderError, match="/file/x: can't write it: "):
        outputs.write({str(tmp_path / "file" / "x"): "1"})
