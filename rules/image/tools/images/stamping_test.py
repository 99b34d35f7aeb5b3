"""Tests of stamp variables in an image's settings."""

import json
from pathlib import Path

import pytest

from rules.common.errors import InputError
from rules.image.tools.images import image
from rules.image.tools.images.image import fill_all


def test_an_unknown_variable_is_named() -> None:
    """The error has the place and the variable."""
    with pytest.raises(InputError, match="^//a:b: labels: the workspace status has no NOBODY \\(it has: BUILD_TIMESTAMP\\)\\. Print it"):
        fill_all({"labels": {"a": "{NOBODY}"}}, {"BUILD_TIMESTAMP": "1"}, "//a:b")


@pytest.mark.parametrize(
    ("created", "expected"), [(None, "2001-09-09T01:46:40Z"), ("{BUILD_TIMESTAMP}", "2001-09-09T01:46:40Z"), ("7", "1970-01-01T00:00:07Z")]
)
def test_the_image_tool_stamps(tmp_path, created, expected) -> None:
    """With --status the time is the build's unless one is given; env and labels, also those from files, are filled in."""
    (tmp_path / "status").write_text("BUILD_TIMESTAMP 1000000000\nSTABLE_GIT_COMMIT abc\n")
    (tmp_path / "label").write_text("{STABLE_GIT_COMMIT}\n")
    (tmp_path / "settings").write_text(json.dumps({"created": created, "envs": [{"REVISION": "r-{STABLE_GIT_COMMIT}"}]}))
    out = [word for name in ("config", "manifest", "digest") for word in (f"--{name}", str(tmp_path / name))]
    more = ["--settings", str(tmp_path / "settings"), "--label-file", "commit", str(tmp_path / "label"), "--status", str(tmp_path / "status")]
    assert image.main(["--where=@x//a:b", *out, *more]) == 0
    config = json.loads(Path(tmp_path / "config").read_bytes())
    assert config["created"] == expected
    assert config["config"] == {"Env": ["REVISION=r-abc"], "Labels": {"commit": "abc"}}


def test_a_time_with_a_variable_needs_stamp(tmp_path) -> None:
    """Without stamp, the error says to set it."""
    with pytest.raises(InputError, match="found '{BUILD_TIMESTAMP}'.*set stamp = True"):
        image.parse_created("{BUILD_TIMESTAMP}", "//a:b")
