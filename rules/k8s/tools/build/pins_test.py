"""Tests of reading and editing pins.yaml."""

from __future__ import annotations

import pytest

from rules.k8s.tools.build import pins
from rules.k8s.tools.errors import TurnupError

ENVIRONMENTS = ["prod", "staging", "dev"]
OLD = "10.0.0.2:31000/python/server@sha256:" + "a" * 64
NEW = "10.0.0.2:31000/python/server@sha256:" + "b" * 64


def edit(text: str, environment: str = "dev", **changes: str) -> str:
    """Edits a pins text with the environments of these tests."""
    return pins.edit_pins(text, "svc/pins.yaml", environment, changes or {"server": NEW}, ENVIRONMENTS)


def test_reads_environments_and_images():
    """The result has the images of each environment of the file; an empty environment has none."""
    text = f"dev:\n  server: {OLD}\nstaging:\n"

    assert pins.parse_pins(text, "p", ENVIRONMENTS) == {"dev": {"server": OLD}, "staging": {}}


def test_empty_file_pins_nothing():
    """A file with only comments is valid and has no pins."""
    assert pins.parse_pins("# nothing yet\n", "p", ENVIRONMENTS) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("myns:\n  server: x\n", "'myns' is not an environment with pins. Use one of"),
        ("dev:\n  server: repo:latest\n", "which has no digest. Write REGISTRY/REPOSITORY@sha256:…"),
        ("dev: [a]\n", "dev is not a mapping. Map image names"),
        ("- dev\n", "is not a mapping of environments to image pins"),
        (f"dev:\n  server: {OLD}\ndev:\n  server: {OLD}\n", "appears twice"),
        ("dev: {\n", "the text is not YAML"),
    ],
)
def test_refuses_bad_files(text: str, words: str):
    """An invalid pins file is refused with its name and the reason."""
    with pytest.raises(TurnupError, match=words) as caught:
        pins.parse_pins(text, "svc/pins.yaml", ENVIRONMENTS)

    assert "svc/pins.yaml" in str(caught.value)


def test_edit_replaces_only_the_value():
    """Comments, quotes around other values, order and blank lines survive an edit."""
    text = f"# who runs what\n\nprod:   # careful\n  server: '{OLD}'\n\ndev:\n  # built on Monday\n  server: {OLD}  # by hand\n  other: {OLD}\n"

    assert edit(text) == text.replace(f"server: {OLD}  # by hand", f"server: {NEW}  # by hand")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", f"dev:\n  server: {NEW}\n"),
        ("{}\n", f"dev:\n  server: {NEW}\n"),
        ("# words\n", f"# words\ndev:\n  server: {NEW}\n"),
        ("dev:\n", f"dev:\n  server: {NEW}\n"),
        ("dev: {}  # none\n", f"dev:   # none\n  server: {NEW}\n"),
        ("dev: null\nprod:\n", f"dev:\n  server: {NEW}\nprod:\n"),
        (f"prod:\n  server: {OLD}", f"prod:\n  server: {OLD}\ndev:\n  server: {NEW}\n"),
        (f"dev:\n    x: {OLD}\nprod:\n    x: {OLD}\n", f"dev:\n    x: {OLD}\n    server: {NEW}\nprod:\n    x: {OLD}\n"),
    ],
)
def test_edit_adds_what_is_missing(text: str, result: str):
    """A missing image or environment is added with the file's indentation."""
    assert edit(text) == result


def test_edit_refuses_a_mapping_in_braces():
    """A file that cannot be edited line by line is refused, not rewritten."""
    with pytest.raises(TurnupError, match="svc/pins.yaml:1: a mapping in braces"):
        edit(f"dev: {{server: '{OLD}'}}\n")


def test_write_together_changes_all_or_none(tmp_path):
    """If one file cannot be staged, no file changes and no temporary file remains."""
    good = tmp_path / "good.yaml"
    good.write_text("old")

    with pytest.raises(TurnupError, match="cannot be written"):
        pins.write_together({good: "new", tmp_path / "absent" / "bad.yaml": "new"})

    assert good.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["good.yaml"]


def test_write_together_keeps_the_mode(tmp_path):
    """A checked-in file keeps its permissions."""
    path = tmp_path / "pins.yaml"
    path.write_text("old")
    path.chmod(0o640)

    pins.write_together({path: "new"})

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
