"""Compares the YAML reader with sigs.k8s.io/yaml, the library that kubectl reads manifests with, on generated documents."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

# A test of the whole grammar sets this to some thousands.
_DOCUMENTS = int(os.environ.get("TURNUP_YAML_DOCUMENTS", "600"))
# Plain scalars that are other values than text, or that look like them.
_CONSTANT_WORDS = """
y Y yes Yes YES yEs on On ON oN true True TRUE tRue n N no No NO off OFF false False FALSE ~ null Null NULL nUll = << . - + _ __ .. - -- : ?
"""
_NUMBER_WORDS = """
0 00 08 09 010 0644 0o644 0O17 0o8 0x1F 0X1f 0xg 0b101 0B11 0b2 0b+1 0b-1 -0b11 -0o7 +0x1f 1_000 _1 1_ 0_7 0x_f 1__0 .5_0 ._5 .5_ .5__0 1e3
1E3 1e+3 1e-3 1.5e3 1.e2 1.0 1. .5 .5e1 -.5 +.5 -1 +1 --1 +-1 1e 1e999 -1e999 .5e999 1e21 1e20 123456789012345678901 9223372036854775807
9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 +18446744073709551615
+9223372036854775808 0xFFFFFFFFFFFFFFFF 0x10000000000000000 0777777777777777777777 02000000000000000000000 -0 -0.0 0.1 1.10 100.00 1234567.5
1234567.0 16777217.0 1e6 1e5 3.4028235e38 1e39 1e-45 1e-7 0.00001 22:30 10:00 12:15:30 1:30.5 190:20:30 2001-01-01
2001-12-14T21:59:43.10-05:00 2001-12-14 12:00:00 1.2.3 v1 1.30 1,000 0x 0b 0o 0.0.0.0/0 1d 5f 0x1p4 0x1.8p1 Infinity inf NaN nan .nan .NaN
.inf -.inf +.inf .Inf -.INF
"""
_CONSTANTS, _NUMBERS = _CONSTANT_WORDS.split(), _NUMBER_WORDS.split()
_WORDS = ["a", "name", "value text", "über", "日本", "a:b", "a#b", "x-y", "/path", "http://x:80/", "True-ish", "no!", "n0", ".x", "😀"]
_QUOTED = ['""', "''", '"1e3"', "'22:30'", '"\\x41\\u00e9\\n"', "'it''s'", '"null"', '"<<"', '"y"', '"a\\\n  b"']
_TAGGED = [
    "!!str 12",
    "!!str yes",
    "!!int 12",
    '!!int "0x1F"',
    "!!float 1",
    "!!float 1.5",
    "!!bool yes",
    "!!null ~",
    '!!str ""',
    "!!int x",
    "!!bool 1",
    "! 12",
    "!!float x",
]


class _Generator:
    """Generates YAML documents of many forms.

    Args:
        seed: the same seed gives the same documents.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._anchors: list[str] = []
        self._maps: list[str] = []

    def document(self) -> str:
        """Returns one document."""
        self._anchors, self._maps = [], []
        head = self._random.choice(["", "", "", "---\n", "# comment\n", "\ufeff"])
        return head + self._block(0, 0).lstrip("\n") + self._random.choice(["\n", "\n", "", "\n...\n"])

    def _scalar(self) -> str:
        pick = self._random.random()
        group = _CONSTANTS if pick < 0.25 else _NUMBERS if pick < 0.6 else _WORDS if pick < 0.8 else _QUOTED if pick < 0.92 else _TAGGED
        return self._random.choice(group)

    def _number(self) -> str:
        alphabet = "0123456789" * 2 + "_+-.eExXbBoO:aF"
        return "".join(self._random.choice(alphabet) for _ in range(self._random.randint(1, 7)))

    def _leaf(self) -> str:
        pick = self._random.random()
        if pick < 0.08 and self._anchors:
            return "*" + self._random.choice(self._anchors)
        text = self._number() if pick < 0.3 else self._scalar()
        if pick > 0.95:
            name = f"s{len(self._anchors)}"
            text = f"&{name} {text}"
            self._anchors.append(name)
        return text

    def _flow(self, depth: int) -> str:
        if depth > 3 or self._random.random() < 0.4:
            return self._leaf()
        items = range(self._random.randint(0, 4))
        if self._random.random() < 0.5:
            return "[" + ", ".join(self._flow(depth + 1) for _ in items) + "]"
        return "{" + ", ".join(f"{self._key()}: {self._flow(depth + 1)}" for _ in items) + "}"

    def _key(self) -> str:
        return self._random.choice(_WORDS[:4]) + str(self._random.randint(0, 99)) if self._random.random() < 0.6 else self._scalar()

    def _block(self, depth: int, indent: int) -> str:
        space = "\n" + " " * indent
        pick = self._random.random()
        if depth > 3 or pick < 0.2:
            return " " + self._flow(depth)
        if pick < 0.28:
            style = self._random.choice(["|", ">", "|-", ">-", "|+", ">+"])
            lines = [self._random.choice(["text", "more: text", "", "  indented", "# no comment"]) for _ in range(3)]
            return f" {style}" + space + " first" + "".join(f"{space} {line}" if line else "\n" for line in lines)
        items = range(self._random.randint(1, 4))
        anchor = ""
        if self._random.random() < 0.15:
            anchor = f"m{len(self._anchors)}"
        if pick < 0.55:
            text = "".join(f"{space}-{self._block(depth + 1, indent + 2)}" for _ in items)
        else:
            merge = f"{space}<<: *{self._random.choice(self._maps)}" if self._maps and self._random.random() < 0.5 else ""
            lines = [f"{space}{self._key()}:{self._block(depth + 1, indent + 2)}" for _ in items]
            lines.insert(self._random.randint(0, len(lines)), merge)
            text = "".join(lines)
            if anchor and indent:
                self._maps.append(anchor)
        if anchor and indent:
            self._anchors.append(anchor)
            return f" &{anchor}{text}"
        return text


def _ours(text: str) -> tuple[Any, str]:
    """Returns (value, "") or (None, the error)."""
    try:
        documents = load_yaml_documents(text, "m.yaml")
    except TurnupError as error:
        return None, str(error)
    return documents[0] if documents else None, ""


def _theirs(program: str, texts: list[str]) -> list[dict[str, str]]:
    done = subprocess.run([program], input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=300)
    answers: list[dict[str, str]] = json.loads(done.stdout)
    assert len(answers) == len(texts)
    return answers


def _same(one: Any, other: Any) -> bool:
    """Returns whether two values are the same JSON: true is not 1, and 1.0 is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# What Turnup refuses, and kubectl does not: a key that appears twice (kubectl takes one of the values), a port in base 8, a value
# beyond JSON that a merge replaces, and a plain scalar that ends in a colon inside brackets, which the parser written in C refuses.
_STRICTER = re.compile(r"appears twice in one mapping|reads in base 8|the value is [-+]?\.(?i:inf|nan), which JSON|found unexpected ':'")


@pytest.fixture(name="program", scope="module")
def fixture_program() -> str:
    """Returns the program that reads with sigs.k8s.io/yaml, which Bazel builds."""
    return os.environ.get("YAML_TO_JSON") or str(Path("../yaml_to_json/yaml_to_json").resolve())


def _differences(program: str, texts: list[str]) -> list[str]:
    found = []
    for text, answer in zip(texts, _theirs(program, texts), strict=True):
        value, error = _ours(text)
        refused = "error" in answer
        if _STRICTER.search(error):
            continue
        if bool(error) != refused or (not refused and not _same(value, json.loads(answer["json"]))):
            found.append(f"{text!r}: kubectl {answer}, Turnup {error or value!r}")
    return found


def test_scalars(program):
    """Each form of a scalar, as value, key, item and behind a tag, is read as kubectl reads it."""
    scalars = [*_CONSTANTS, *_NUMBERS, *_WORDS, *_QUOTED, *_TAGGED]
    forms = [
        "a: {}\n",
        "{}: a\n",
        "- {}\n",
        "{}\n",
        "x: &a {}\ny2: *a\n",
        "a: !!int {}\n",
        "a: !!float {}\n",
        "a: !!bool {}\n",
        "a: !!str {}\n",
        "a: !!null {}\n",
    ]

    assert _differences(program, [form.format(scalar) for form in forms for scalar in scalars]) == []


def test_generated_documents(program):
    """Generated documents are read, or refused, as kubectl does it."""
    generator = _Generator(13)
    texts = [generator.document() for _ in range(_DOCUMENTS)]

    assert _differences(program, texts) == []
    accepted = sum(not _ours(text)[1] for text in texts)
    assert accepted > _DOCUMENTS / 3, "the generator makes too few valid documents to compare values"


def test_aliases(program):
    """Aliases that stand for too much are refused by both, and those in use by neither."""
    bombs = ["a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, levels)) for levels in range(1, 10)]
    flat = ["a: &a [" + ",".join("x" * size) + "]\nb: [" + ",".join(["*a"] * uses) + "]\n" for size in (5, 50, 500) for uses in (5, 50, 150, 500)]

    assert _differences(program, bombs + flat) == []
    assert "stand for" in _ours(bombs[-1])[1] and not _ours(flat[0])[1]
