"""Tests of the files that the example targets write."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent

_ONE = '{\n   "name": "one",\n   "ports": [\n      80,\n      443\n   ]\n}\n'
_TWO = '{\n   "name": "two",\n   "ports": [ ]\n}\n'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("one.json", _ONE),
        ("sub/two.json", _TWO),
        ("in_folders/one.json", _ONE),
        ("in_folders/sub/two.json", _TWO),
        ("left/a.json", '"left"\n'),
        ("right/b.json", '"right"\n'),
        ("folder_out/one.json", _ONE),
        ("folder_out/sub/two.json", _TWO),
        ("only_one.json", "[\n   1\n]\n"),
        ("stream.yaml", '---\n{\n   "name": "one"\n}\n---\n{\n   "name": "two"\n}\n...\n'),
        ("settings.ini", "[main]\nport = 80\n\n"),
        ("settings.yaml", '"port": 80\n'),
        ("texts.yaml", '---\n"port": 80\n---\nplain\n...\n'),
        ("text.json", '{\n   "settings.ini": "[main]\\nport = 80\\n",\n   "settings.yaml": "\\"port\\": 80"\n}\n'),
        ("../generated/program.json", '[\n   "from a template",\n   {\n      "port": 8080\n   },\n   8080\n]\n'),
    ],
)
def test_output(path: str, text: str) -> None:
    """Each output has exactly the bytes of Jsonnet's own format."""
    assert (_HERE / path).read_text(encoding="utf-8") == text
