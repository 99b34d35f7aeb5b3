"""Tests of what a mirror may try: older versions, old indexes, and indexes without what a lock needs."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from rules.image.tools.debian import apt, release, update_lock
from rules.image.tools.debian import lock as debian_lock
from rules.image.tools.debian.apt import Version
from rules.image.tools.debian.errors import AptError
from rules.image.tools.debian.lock import PackageRequest
from rules.image.tools.errors import TurnupError, run
from rules.image.tools.testing.fake_apt import FakeApt, checksum

NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)


@pytest.fixture(name="fake")
def _fake(tmp_path, monkeypatch) -> FakeApt:
    """A fake apt on PATH, without lists on the machine, and an empty cache."""
    fake = FakeApt(tmp_path / "apt")
    monkeypatch.setattr(apt, "SYSTEM_LISTS", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{fake.bin}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake


def _lock(tmp_path: Path, **versions: str) -> Path:
    path = tmp_path / "x.lock"
    path.write_text(debian_lock.render([Version(name, version, "amd64", checksum(name, version)) for name, version in versions.items()], "repo"))
    return path


def _update(tmp_path: Path, *allowed: str) -> list[str]:
    return update_lock.update(update_lock.Repository("repo", PackageRequest(["openssl"]), "x.lock"), str(tmp_path), allowed)


def test_a_build_takes_no_older_version(fake, tmp_path, capsys) -> None:
    """If the archive offers only an older version than the lock has, the error names package and both versions, and nothing is written."""
    fake.set(fresh={"openssl": ["3.0.11-1"]})
    (tmp_path / "out").mkdir()

    assert run(debian_lock.main, ["fetch", "repo", str(_lock(tmp_path, openssl="3.0.17-1")), str(tmp_path / "out"), "openssl"]) == 1
    error = capsys.readouterr().err
    assert "the archive offers openssl 3.0.11-1, older than 3.0.17-1 in the lock" in error and "--allow-downgrade=openssl" in error
    assert len(error.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("locked", "offered", "older"),
    [("3.0.17-1", "3.0.9-1", True), ("1:1", "2", True), ("1.0", "1.0~rc1", True), ("1.0-1+deb12u2", "1.0-1+deb12u10", False), ("2", "1:1", False)],
)
def test_an_update_goes_down_no_version(fake, tmp_path, locked: str, offered: str, older: bool) -> None:
    """Versions are ordered as dpkg orders them; an older one is refused and leaves the lock as it is, unless it is allowed by name."""
    fake.set(fresh={"openssl": [offered]})
    lock = _lock(tmp_path, openssl=locked)
    before = lock.read_text()
    if older:
        with pytest.raises(AptError, match="older than"):
            _update(tmp_path)
        with pytest.raises(AptError, match="older than"):
            _update(tmp_path, "another")
        assert lock.read_text() == before

    assert _update(tmp_path, *(["openssl"] if older else [])) == [f"  openssl: {locked} -> {offered}"]
    assert f"openssl {offered} amd64" in lock.read_text()


def test_the_option_is_one_package(fake, tmp_path, monkeypatch, capsys) -> None:
    """The option has the package's name; any other option is an error."""
    fake.set(fresh={"openssl": ["1"]})
    _lock(tmp_path, openssl="2")
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(update_lock, "query", lambda _: [update_lock.Repository("repo", PackageRequest(["openssl"]), "x.lock")])

    assert run(update_lock.main, ["repo"]) == 1
    assert run(update_lock.main, ["--allow-downgrades"]) == 2
    assert "--allow-downgrades: not an option; the only one is --allow-downgrade=PACKAGE" in capsys.readouterr().err
    assert run(update_lock.main, ["repo", "--allow-downgrade=openssl"]) == 0
    assert capsys.readouterr().out == "x.lock: 1 changed\n  openssl: 2 -> 1\n"


def _release(**fields: str) -> str:
    head = {"Origin": "Debian", "Suite": "stable", "Codename": "bookworm", **{name.replace("_", "-"): value for name, value in fields.items()}}
    return "-----BEGIN PGP SIGNED MESSAGE-----\n\n" + "".join(f"{name}: {value}\n" for name, value in head.items() if value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Date": "Sat, 28 Nov 2026 02:53:00 UTC", "Valid_Until": "Sat, 05 Dec 2026 02:53:00 UTC"}, ""),
        ({"Date": "Sat, 11 Jul 2020 10:16:37 UTC", "Valid_Until": "Sat, 05 Dec 2026 02:53:00 UTC"}, ""),
        ({"Date": "Sat, 10 Oct 2026 10:16:37 UTC"}, ""),
        ({"Date": "Sat, 11 Jul 2026 10:16:37 UTC"}, "the index of Debian bookworm is from 2026-07-11, 141 days ago"),
        ({"Date": "Sat, 11 Jul 2026 10:16:37 UTC", "Suite": "oldstable"}, ""),
        ({"Date": "Sat, 11 Jul 2025 10:16:37 UTC", "Suite": "oldstable"}, "is from 2025-07-11, 506 days ago"),
        ({}, "has no date, so its age is unknown"),
        ({"Date": "yesterday"}, "has no date, so its age is unknown"),
    ],
)
def test_the_age_of_an_index_is_visible(tmp_path, fields: dict[str, str], words: str) -> None:
    """A Release file without Valid-Until that is older than its suite explains is a warning with its date."""
    (tmp_path / "main_InRelease").write_text(_release(**fields))
    warnings = release.check_age(tmp_path.iterdir(), NOW)
    assert len(warnings) == bool(words) and words in "".join(warnings)


def test_an_index_that_is_not_valid_any_more(fake, tmp_path) -> None:
    """An index past its Valid-Until is an error, even if the machine's apt does not mind; the lock stays as it is."""
    fake.set(fresh={"openssl": ["4"]}, release=_release(Date="Sat, 11 Jul 2020 10:16:37 UTC", Valid_Until="Sat, 18 Jul 2020 10:16:37 UTC"))
    lock = _lock(tmp_path, openssl="3")
    with pytest.raises(AptError, match="the index of Debian bookworm was valid until 2020-07-18; the mirror is out of date"):
        _update(tmp_path)
    assert "openssl 3 " in lock.read_text()


def test_an_old_index_is_a_warning_of_the_update(fake, tmp_path) -> None:
    """The update command says that an index is old, and goes on: its signature is valid and its versions are not older."""
    fake.set(fresh={"openssl": ["4"]}, release=_release(Date="Sat, 11 Jul 2020 10:16:37 UTC"))
    _lock(tmp_path, openssl="3")
    first, second = _update(tmp_path)
    assert first.startswith("  WARNING: the index of Debian bookworm is from 2020-07-11") and second == "  openssl: 3 -> 4"


def test_nothing_insecure_is_accepted(tmp_path) -> None:
    """Every call of apt asks for signatures, strong hashes and dates, whatever the machine's own settings are."""
    for lists in (None, tmp_path):
        options = apt.Apt(lists)._options
        for name in ("AllowInsecureRepositories", "AllowWeakRepositories", "AllowDowngradeToInsecureRepositories"):
            assert f"Acquire::{name}=false" in options
        assert {"APT::Get::AllowUnauthenticated=false", "Acquire::Check-Valid-Until=true", "Acquire::Check-Date=true"} <= set(options)


def test_an_index_without_hashes_offers_nothing(fake, tmp_path, monkeypatch) -> None:
    """A package of which the index has no SHA-256 cannot be locked."""
    fake.set(fresh={"openssl": ["4"]})
    _lock(tmp_path, openssl="3")
    monkeypatch.setattr(apt.Apt, "_show", lambda *_, **__: [{"Package": "openssl", "Version": "4", "Architecture": "amd64", "MD5sum": "0" * 32}])
    with pytest.raises(TurnupError, match="apt knows no package openssl"):
        _update(tmp_path)
