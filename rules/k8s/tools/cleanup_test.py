"""Tests of what must not outlive a run: children, and folders with credentials."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map
from rules.k8s.tools import cleanup


def is_running(process: int) -> bool:
    """Returns whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition) -> None:
    """Waits until a condition is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("body", ["", "trap '' TERM;"])
def test_children_end_with_the_block(tmp_path, body):
    """A child and its own children end with the block, even if they ignore SIGTERM."""
    with cleanup.child(["sh", "-c", f"{body} sleep 100 & echo $! > {tmp_path}/child; wait; sleep 100"]) as process:
        wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())

    assert process.poll() is not None
    wait_for(lambda: not is_running(int((tmp_path / "child").read_text())))


def test_actions_are_undone_with_the_block_or_the_run(monkeypatch):
    """An action is called at the end of its block, and by the clean-up of a run that ends inside of it."""
    called: list[str] = []
    with cleanup.undone(lambda: called.append("undone")):
        assert called == []
        monkeypatch.setattr(cleanup, "_lock", threading.Lock())  # clear never releases it
        cleanup.clear()
        assert called == ["undone"]
        monkeypatch.undo()

    assert called == ["undone"] * 2


def test_folder_is_private_and_ends_with_the_block():
    """Only the owner can read a folder for credentials, and it is removed after the block with everything in it."""
    with cleanup.private_folder() as folder:
        (folder / "key").write_text("KEY")
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_interrupt_while_images_are_loaded(shell, server, tmp_path, number, code):
    """A signal while a loader hangs ends the run within 2 s: its kubeconfig with credentials is removed, and the loader ends."""
    loader = tmp_path / "loader"
    loader.write_text(f'#!/bin/sh\necho "$KUBECONFIG" > {tmp_path}/where\necho $$ > {tmp_path}/loading\nsleep 100\n')
    loader.chmod(0o700)
    shell.make(config_map("a"))
    line = {"type": "preload", "label": "//svc:dev", "reference": "app:1", "archive": "0.resolved.json", "loader": str(loader)}
    with open(shell.folder / "runfiles" / shell.plan, "a", encoding="utf-8") as plan:
        plan.write(json.dumps(line) + "\n")
    (tmp_path / "T").mkdir()
    shell.environ["TMPDIR"] = str(tmp_path / "T")
    process = shell.start("apply", stderr=subprocess.PIPE)
    wait_for(lambda: process.poll() is not None or ((tmp_path / "loading").exists() and (tmp_path / "loading").read_text()))
    assert process.poll() is None, process.communicate()[1]
    kubeconfig, loading = Path((tmp_path / "where").read_text().strip()), int((tmp_path / "loading").read_text())
    assert kubeconfig.exists() and is_running(loading)
    started = time.monotonic()
    process.send_signal(number)
    said = process.communicate(timeout=10)[1]

    assert (process.returncode, said) == (code, "ERROR: interrupted; run the same command again to continue.\n")
    assert time.monotonic() - started < 2
    assert list((tmp_path / "T").iterdir()) == []
    wait_for(lambda: not is_running(loading))
