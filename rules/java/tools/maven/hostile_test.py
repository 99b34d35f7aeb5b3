"""Tests of downloads with the table of hostile answers: each ends as one sentence, in bounded time and memory."""

from __future__ import annotations

import os
import resource
import time
import types

import pytest

from rules.common.testing.hostile import HostileServer, answers, redirect
from rules.java.tools.maven import download, fetch
from rules.java.tools.maven.coordinates import Coordinates
from rules.java.tools.maven.errors import FetchError
from rules.java.tools.maven.repositories import Repository
from rules.java.tools.maven.settings import Server

LONG = os.environ.get("FORM") == "long"
SECRET = "S3cret"
WANTED = Coordinates.parse("org.example:thing:jar::1.0")
ANSWERS = answers("application/java-archive")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of fractions of a second and of a few MiB, unless the form is long."""
    monkeypatch.setattr(download, "time", types.SimpleNamespace(sleep=lambda seconds: None))
    if not LONG:
        monkeypatch.setattr(download, "_TIMEOUT_SECONDS", 0.3)
        monkeypatch.setattr(download, "_HEAD_SECONDS", 0.5)
        monkeypatch.setattr(download, "_FILE_SECONDS", 1.0)
        monkeypatch.setattr(download, "_FILE_BYTES", 16 << 20)
        monkeypatch.setattr(download, "_WINDOW_SECONDS", 0.3)


def _fetch(name: str, part) -> str:
    """Returns the error of a download, "" if the repository lacks the file."""
    repository = Repository("house", f"http://{name}", Server("house", "me", SECRET), None)
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        assert not fetch._download(repository, WANTED, "0" * 64, part)
        message = ""
    except FetchError as error:
        message = str(error)
    assert time.monotonic() - begun < (8000 if LONG else 30)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000
    return message


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_repository(tmp_path, answer: str) -> None:
    """Whatever a repository answers, the error names it and is one printable line without the login."""
    if LONG and answer in ("endless body", "endless chunks"):
        pytest.skip("fills 4 GiB of disk")
    with HostileServer(ANSWERS[answer]) as server:
        message = _fetch(server.name, tmp_path / "part")
    assert message or answer in ("dripping refusal", "refusal of odd fields")  # a 404 is an answer, whatever follows it
    assert not message or ("repository house" in message and message.isprintable() and len(message) < 900), message
    assert SECRET not in message


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_storage(tmp_path, answer: str) -> None:
    """Storage that a repository redirects to gets no login, and is as little trusted."""
    if LONG and answer in ("endless body", "endless chunks"):
        pytest.skip("fills 4 GiB of disk")
    with HostileServer(ANSWERS[answer]) as storage, HostileServer(redirect(f"http://{storage.name}/file")) as server:
        _fetch(server.name, tmp_path / "part")
        assert [head for head in server.requests if "authorization" in head.lower()]
        assert not [head for head in storage.requests if "authorization" in head.lower()]


def test_too_much_does_not_stay_on_the_disk(tmp_path) -> None:
    """A file of more than the limit is removed, so that the next try does not go on with it."""
    if not LONG:
        with HostileServer(ANSWERS["endless body"]) as server:
            assert "sent more than" in _fetch(server.name, tmp_path / "part")
        assert not (tmp_path / "part").exists()
