"""Tests that the table of verbs, what Bazel builds for each, the command line, the events and the README agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.shell import SCHEMA
from rules.k8s.tools.run.options import COMMON, OPTIONS, split_command
from rules.k8s.tools.verbs.main import parse
from rules.k8s.tools.verbs.verb_table import VERBS

RULES = Path(__file__).parents[2]
README = (RULES / "README.md").read_text()


def test_bazel_makes_a_target_for_every_verb():
    """The verbs of launching.bzl are those of the table."""
    listed = re.search(r"^VERBS = \{\n(.*?)^\}", (RULES / "private" / "launching.bzl").read_text(), re.MULTILINE | re.DOTALL)

    assert listed and set(re.findall(r'^    "(\w+)": struct', listed[1], re.MULTILINE)) == set(VERBS)


def test_readme_has_every_verb():
    """Each verb has a row in the README's table of verbs."""
    assert set(VERBS) - set(re.findall(r"^\|.*?`\.(\w+)` \|", README, re.MULTILINE)) == set()


def test_readme_has_every_option():
    """Each option is in the README."""
    assert {name for name in OPTIONS if f"`--{name}" not in README} == set()


def test_readme_has_every_event():
    """Each event of the schema has a row in the README's table of events, with all its fields."""
    rows = {kind: line for line in README.splitlines() if line.startswith("| `") for kind in re.findall(r"`(\w+)`", line.split("|")[1])}
    schema: Any = SCHEMA.schema
    for entry in schema["oneOf"]:
        event = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        kind = event["properties"]["event"]["const"]
        assert kind in rows, kind
        assert [name for name in event["properties"] if name not in ("event", "seconds") and f"`{name}`" not in rows[kind]] == [], kind


def test_every_option_belongs_to_a_verb():
    """Every option belongs to a verb, and every option of a verb exists."""
    assert {option for verb in VERBS.values() for option in verb.options} | set(COMMON) == set(OPTIONS)


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_has_something_to_do(verb, capsys):
    """A verb's function exists; its help names each of its options."""
    assert callable(VERBS[verb].load())
    with pytest.raises(SystemExit) as ended:
        parse(verb, ["--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert [name for name in (*VERBS[verb].options, *COMMON) if f"--{name}" not in shown] == []


@pytest.mark.parametrize(
    ("line", "own", "command"),
    [
        ("ls -l", "", "ls -l"),
        ("-- -x", "", "-x"),
        ("-it --service web sh -c x", "-it --service web", "sh -c x"),
        ("-c main -i -- env -- x", "-c main -i", "env -- x"),
        ("--debug", "--debug", ""),
        ("--pod", "--pod", ""),
        ("--output json --image a ls --pod b", "--output json --image a", "ls --pod b"),
    ],
)
def test_where_the_command_starts(line, own, command):
    """The command starts at the first word that is not an option or an option's value, or after the first --."""
    assert split_command(VERBS["exec"].options, line.split()) == (own.split(), command.split())
