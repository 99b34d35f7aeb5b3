"""A fixture and helpers that tests of the build actions share; a test file imports them by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.tools.build import build_tool

DIGEST = "sha256:" + "d" * 64
LABEL = "//python/server:myns"


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


def workload(image: str, **meta: str) -> dict[str, Any]:
    """Returns a Deployment that runs one image."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "server", **meta},
        "spec": {"template": {"spec": {"initContainers": [{"name": "init", "image": image}], "containers": [{"name": "main", "image": image}]}}},
    }


def normalize(tool: Callable[..., tuple[int, str]], manifests: Any, *arguments: str, environment: str = "myns", name: str = "m.json") -> tuple[int, str]:
    """Normalizes manifests into out.json."""
    return tool(
        "normalize",
        "--label",
        LABEL,
        "--context=turnup-local",
        "--namespace=jane",
        f"--environment={environment}",
        "--output=out.json",
        *arguments,
        write(name, manifests),
    )
