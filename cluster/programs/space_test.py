"""Tests of asking for room before it is used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.common.errors import ClusterError
from cluster.programs.space import check_space


def test_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room is refused with both figures, for the disk that will hold the folder."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000_000) if path == tmp_path else None)
    check_space(tmp_path / "not" / "yet", 1_000_000_000, "it", "HOME")

    with pytest.raises(ClusterError, match=f"{tmp_path} has 1.0 GB free, and it needs 2.0 GB; free some space, or set HOME"):
        check_space(tmp_path / "not" / "yet", 2_000_000_000, "it", "HOME")


def test_read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written is refused before anything else."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ClusterError, match=f"{tmp_path} is not writable, and it needs to write there; set HOME"):
        check_space(tmp_path, 0, "it", "HOME")
