"""Tests of the check of free space."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.common.errors import ClusterError
from cluster.programs.space import check_space


def test_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for too little room has both figures, for the disk that the folder will be on."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000_000) if path == tmp_path else None)
    check_space(tmp_path / "not" / "yet", 1_000_000_000, "it", "HOME")

    with pytest.raises(ClusterError, match=f"{tmp_path} has 1.0 GB free, and it needs 2.0 GB; free some space, or set HOME"):
        check_space(tmp_path / "not" / "yet", 2_000_000_000, "it", "HOME")


def test_read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not writable is refused."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ClusterError, match=f"{tmp_path} is not writable, and it needs to write there; set HOME"):
        check_space(tmp_path, 0, "it", "HOME")
