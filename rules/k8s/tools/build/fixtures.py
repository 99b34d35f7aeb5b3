"""A fixture and helpers that tests of the build actions share; a test file imports them by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools.build import build_tool


@pytest.fixture(name="tool")
def fixture_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Returns a function that runs the tool in an empty folder and returns (exit code, stderr)."""
    monkeypatch.chdir(tmp_path)

    def tool(*arguments: str) -> tuple[int, str]:
        code = build_tool.main(list(arguments))
        return code, capsys.readouterr().err

    return tool


def write(name: str, content: Any) -> str:
    """Writes a file, JSON unless it is text; returns its name."""
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def read(name: str) -> Any:
    """Reads a JSON file."""
    return json.loads(Path(name).read_text())
