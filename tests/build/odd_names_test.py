"""Tests of targets whose names a shell would run: a name is text, wherever it stands in a launcher."""

import os
import subprocess
from pathlib import Path

import pytest

_FOLDER = Path(os.environ["RUNFILES_DIR"], "turnup", "tests", "build")


@pytest.mark.parametrize(("program", "arguments", "says"), [("it's*.show", [], "name: odd"), ("push'*`", ["--help"], "usage: push")])
def test_a_name_is_never_run(tmp_path, program, arguments, says):
    """A launcher finds its runfiles and does its work, and runs nothing of its target's name."""
    (launcher,) = (path for path in _FOLDER.iterdir() if path.match(program))
    done = subprocess.run([launcher, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert says in done.stdout + done.stderr and done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
