"""Tests of locked Debian packages: where they come from, and what happens when the archive has moved on."""

import hashlib
import re
from pathlib import Path

import pytest

from rules.image.tools.debian import apt, update_lock
from rules.image.tools.debian import lock as debian_lock
from rules.image.tools.debian.apt import Version
from rules.image.tools.debian.lock import PackageRequest
from rules.image.tools.errors import InputError, TurnupError, run
from rules.image.tools.testing.fake_apt import FakeApt, checksum, content


@pytest.fixture(name="fake")
def _fake(tmp_path, monkeypatch) -> FakeApt:
    """A fake apt on PATH, with lists on the machine and an empty cache."""
    fake = FakeApt(tmp_path / "apt")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/main_Packages").write_text("")
    monkeypatch.setattr(apt, "SYSTEM_LISTS", tmp_path / "lists")
    monkeypatch.setenv("PATH", f"{fake.bin}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake


def _lock(tmp_path, **versions: str) -> str:
    """Writes a lock of NAME=VERSION and returns its path."""
    path = tmp_path / "x.lock"
    path.write_text(debian_lock.render([Version(n, v, "amd64", checksum(n, v)) for n, v in versions.items()], "repo"))
    return str(path)


def _fetch(tmp_path, lock: str, *packages: str) -> tuple[int, Path]:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return run(debian_lock.main, ["fetch", "repo", lock, str(out), *packages]), out


def test_packages_come_from_the_machines_lists(fake, tmp_path) -> None:
    """If the machine's lists have the locked versions, nothing is updated."""
    fake.set(system={"a": ["2", "1:1"], "b": ["5"]})
    code, out = _fetch(tmp_path, _lock(tmp_path, a="1:1", b="5"), "b", "a")
    assert code == 0
    assert (out / "a.deb").read_bytes() == content("a", "1:1")
    assert fake.log() == ["dpkg", "apt-cache show a=1:1 b=5", "apt-get download a=1:1 b=5"]


def test_the_cache_is_enough(fake, tmp_path) -> None:
    """A second fetch does not run apt, and works offline."""
    fake.set(system={"a": ["1"]})
    lock = _lock(tmp_path, a="1")
    _fetch(tmp_path, lock, "a")
    fake.set(offline=True)
    assert _fetch(tmp_path, lock, "a")[0] == 0
    assert fake.log() == ["dpkg"]


def test_a_damaged_cache_is_mended(fake, tmp_path) -> None:
    """A cached file with other bytes is fetched again."""
    fake.set(system={"a": ["1"]})
    lock = _lock(tmp_path, a="1")
    _fetch(tmp_path, lock, "a")
    (stored,) = (tmp_path / "cache/turnup/deb").glob("*.deb")
    stored.write_bytes(b"cut")
    code, out = _fetch(tmp_path, lock, "a")
    assert code == 0 and (out / "a.deb").read_bytes() == content("a", "1")


@pytest.mark.parametrize("lists", ["old", "missing"])
def test_lists_that_are_old_or_missing_are_replaced_by_private_ones(fake, tmp_path, lists: str, capsys) -> None:
    """Nothing of the machine is changed: a private copy of the lists is updated and used."""
    if lists == "missing":
        (tmp_path / "lists/main_Packages").unlink()
    fake.set(system={"a": ["1"]} if lists == "missing" else {"a": ["0"]}, fresh={"a": ["1"]})
    assert _fetch(tmp_path, _lock(tmp_path, a="1"), "a")[0] == 0
    assert "apt-get update (private)" in fake.log()
    assert capsys.readouterr().out == ""


def test_a_stale_address_is_replaced_too(fake, tmp_path) -> None:
    """Lists that name a file which the archive has moved lead to fresh lists, not to an error."""
    fake.set(system={"a": ["1"]}, fresh={"a": ["2"]})
    code, out = _fetch(tmp_path, _lock(tmp_path, a="1"), "a")
    assert code == 0 and (out / "a.deb").read_bytes() == content("a", "2")


def test_a_dropped_version_is_replaced_with_a_warning(fake, tmp_path, capsys) -> None:
    """An old checkout still builds: it gets the current version, with a warning that has the command that updates the lock."""
    fake.set(system={"a": ["2"], "b": ["1"]})
    code, out = _fetch(tmp_path, _lock(tmp_path, a="1", b="1"), "a", "b")
    assert code == 0
    assert (out / "a.deb").read_bytes() == content("a", "2")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("WARNING: debian_packages repo: the archive no longer has a 1; 2 is used")
    assert "bazel run //rules/image:update_debian_lock -- repo" in line


def test_another_checksum_for_a_locked_version_is_refused(fake, tmp_path, capsys) -> None:
    """A version whose content changed in the archive is refused."""
    fake.set(system={"a": ["1"]})
    lock = tmp_path / "x.lock"
    lock.write_text(f"a 1 amd64 {'0' * 64}\n")
    assert _fetch(tmp_path, str(lock), "a")[0] == 1
    assert "find out why" in capsys.readouterr().err


def test_other_bytes_than_the_index_says_are_refused(fake, tmp_path, capsys) -> None:
    """The error for a mirror that sends other content points to the mirror."""
    fake.set(system={"a": ["1"]}, wrong=True)
    assert _fetch(tmp_path, _lock(tmp_path, a="1"), "a")[0] == 1
    assert "does not have sha256" in capsys.readouterr().err


def test_no_network_is_one_sentence(fake, tmp_path, capsys) -> None:
    """Without a network the error has apt's reason and says what to do."""
    fake.set(system={"a": ["1"]}, offline=True)
    assert _fetch(tmp_path, _lock(tmp_path, a="1"), "a")[0] == 1
    error = capsys.readouterr().err
    assert error.startswith("ERROR: apt-get update failed (") and "check the network" in error
    assert len(error.splitlines()) == 1


def test_old_private_lists_do_not_decide_what_the_archive_dropped(fake, tmp_path, capsys) -> None:
    """Offline, with old lists that lack the locked version, the error names the network, and nothing is replaced."""
    fake.set(system={"a": ["1"]})
    _fetch(tmp_path, _lock(tmp_path, a="1"), "a")
    with apt.private_apt():
        pass
    (tmp_path / "cache/turnup/apt/updated").unlink()
    fake.set(system={"a": ["1"]}, offline=True)
    assert _fetch(tmp_path, _lock(tmp_path, a="2"), "a")[0] == 1
    assert "apt-get update failed" in capsys.readouterr().err


def test_no_apt_is_one_sentence(fake, tmp_path, capsys, monkeypatch) -> None:
    """The error on a machine without apt says what is needed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _fetch(tmp_path, _lock(tmp_path, a="1"), "a")[0] == 1
    assert "is not on this machine" in capsys.readouterr().err


def test_an_unknown_package_is_named(fake, tmp_path, capsys) -> None:
    """A package that no source has is an error with its name."""
    fake.set(system={"b": ["1"]})
    assert _fetch(tmp_path, _lock(tmp_path, a="1", b="1"), "a", "b")[0] == 1
    assert "apt knows no package a;" in capsys.readouterr().err


def test_a_repository_without_packages_is_refused(fake, tmp_path, capsys) -> None:
    """An empty list is refused."""
    assert _fetch(tmp_path, _lock(tmp_path))[0] == 1
    assert "packages: found none" in capsys.readouterr().err


@pytest.mark.parametrize(("packages", "message"), [(["a", "c"], "c of debian_packages repo are not locked for amd64"), ([], "a are locked, but not among")])
def test_a_lock_that_does_not_fit_the_packages_is_refused(fake, tmp_path, packages: list[str], message: str) -> None:
    """The errors for missing and superfluous lines name the update command."""
    with pytest.raises(InputError, match=f"{message}.*update_debian_lock -- repo"):
        debian_lock.locked("repo", PackageRequest(packages), Path(_lock(tmp_path, a="1")), "amd64")


@pytest.mark.parametrize("line", ["a 1 amd64", "a 1 amd64 abc", f"A_b 1 amd64 {'0' * 64}", f"a 1 amd64 {'0' * 64} x", f"../a 1 amd64 {'0' * 64}"])
def test_bad_lock_lines_are_refused_by_number(line: str) -> None:
    """The error names file and line."""
    with pytest.raises(InputError, match="x.lock:2: found"):
        debian_lock.parse(f"# comment\n{line}\n", "x.lock")


def test_a_package_locked_twice_is_refused() -> None:
    """A second line for one package and architecture is refused."""
    line = f"a 1 amd64 {'0' * 64}\n"
    with pytest.raises(InputError, match="x.lock:2: a is in the lock twice"):
        debian_lock.parse(line * 2, "x.lock")


def test_update_writes_the_current_versions(fake, tmp_path) -> None:
    """The lock gets the archive's current versions, keeps other architectures' lines, and the changes are printed."""
    fake.set(system={}, fresh={"a": ["3", "1"], "b": ["5"]})
    other = Version("a", "1", "arm64", "0" * 64)
    (tmp_path / "x.lock").write_text(
        debian_lock.render([Version("a", "1", "amd64", checksum("a", "1")), other, Version("old", "1", "amd64", "1" * 64)], "repo")
    )
    changes = update_lock.update(update_lock.Repository("repo", PackageRequest(["b", "a"]), "x.lock"), str(tmp_path))
    assert changes == ["  a: 1 -> 3", "  b: not there -> 5", "  old: 1 -> removed"]
    written = debian_lock.parse((tmp_path / "x.lock").read_text(), "x.lock")
    assert written == [Version("a", "3", "amd64", checksum("a", "3")), other, Version("b", "5", "amd64", checksum("b", "5"))]


_TREE = {"server": ["tools", "debconf-2.0"], "tools": ["libc"], "debconf": ["perl"], "perl": ["libc"]}


def _update(tmp_path, wanted: PackageRequest) -> list[str]:
    """Updates x.lock and returns its lines."""
    update_lock.update(update_lock.Repository("repo", wanted, "x.lock"), str(tmp_path))
    return (tmp_path / "x.lock").read_text().splitlines()[1:]


def _line(name: str) -> str:
    """Returns the line of a lock for version 2 of a package."""
    return f"{name} 2 amd64 {checksum(name, '2')}"


def test_dependencies_are_locked_as_apt_plans_them(fake, tmp_path) -> None:
    """The lock has all dependencies, in the versions that apt would install, and the request."""
    fake.set(fresh={name: ["2", "1"] for name in ("server", "tools", "libc", "other")}, depends={"server": ["tools"], "tools": ["libc"]})
    assert _update(tmp_path, PackageRequest(["server"], True)) == ["# amd64: server with dependencies", *map(_line, ["libc", "server", "tools"])]
    assert fake.log()[-3:] == ["apt-get install server (private)", "apt-cache show server=2 tools=2 libc=2 (private)", "dpkg"]


def test_what_is_left_out_and_what_only_it_needs_is_not_locked(fake, tmp_path) -> None:
    """A package in exclude counts as installed, by its name and what it provides; other packages' dependencies stay."""
    fake.set(fresh={name: ["2"] for name in ("server", "tools", "libc", "debconf", "perl")}, depends=_TREE, provides={"debconf": ["debconf-2.0"]})
    assert _update(tmp_path, PackageRequest(["server"], True, ["debconf"])) == [
        "# amd64: server with dependencies, without debconf",
        *map(_line, ["libc", "server", "tools"]),
    ]


def test_a_locked_closure_is_fetched_without_asking_for_dependencies(fake, tmp_path) -> None:
    """A build fetches every package of the lock without a plan by apt."""
    fake.set(system={name: ["2"] for name in ("server", "tools", "libc")}, depends={"server": ["tools"], "tools": ["libc"]})
    _update(tmp_path, PackageRequest(["server"], True))
    fake.set(system={name: ["2"] for name in ("server", "tools", "libc")})
    code, out = _fetch(tmp_path, str(tmp_path / "x.lock"), "--dependencies", "server")
    assert code == 0 and sorted(path.name for path in out.iterdir()) == ["libc.deb", "server.deb", "tools.deb"]
    assert not [line for line in fake.log() if "install" in line]


@pytest.mark.parametrize("words", [["server"], ["--dependencies", "server", "tools"], ["--dependencies", "--exclude=tools", "server"]])
def test_a_closure_of_something_else_is_refused(fake, tmp_path, capsys, words: list[str]) -> None:
    """A lock that was resolved from other packages, without others, or with dependencies that are no longer wanted, names the update command."""
    fake.set(fresh={name: ["2"] for name in ("server", "tools")}, depends={"server": ["tools"]})
    _update(tmp_path, PackageRequest(["server"], True))
    assert _fetch(tmp_path, str(tmp_path / "x.lock"), *words)[0] == 1
    assert "run bazel run //rules/image:update_debian_lock -- repo" in capsys.readouterr().err


def test_another_machines_closure_stays_while_it_is_asked_for(fake, tmp_path) -> None:
    """Lines of another architecture stay with their comment, and go if the request changes."""
    fake.set(fresh={"server": ["2"], "more": ["2"]})
    other = f"libother 1 arm64 {'0' * 64}"
    (tmp_path / "x.lock").write_text(f"# head\n# arm64: server with dependencies\n{other}\n")
    assert _update(tmp_path, PackageRequest(["server"], True)) == [
        "# amd64: server with dependencies",
        "# arm64: server with dependencies",
        other,
        _line("server"),
    ]
    assert _update(tmp_path, PackageRequest(["server", "more"], True)) == ["# amd64: more server with dependencies", _line("more"), _line("server")]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            PackageRequest(["server"], True),
            "debian_packages repo: apt-get install failed (Unable to correct problems, you have held broken packages.); check the packages, what is left out",
        ),
        (PackageRequest(["tools"], True, ["shell"]), "debian_packages repo: apt knows no package shell; check the spelling"),
        (
            PackageRequest(["tools"], False, ["shell"]),
            "debian_packages repo: exclude: found shell, but only listed packages are fetched. Remove it, or set dependencies = True.",
        ),
        (PackageRequest(["tools"], True, ["tools"]), "debian_packages repo: exclude: tools is also in packages. Remove it from one of them."),
    ],
)
def test_dependencies_that_cannot_be_had_are_one_sentence(fake, tmp_path, wanted: PackageRequest, message: str) -> None:
    """The error names the problem, and the lock stays unchanged."""
    fake.set(fresh={"server": ["2"], "tools": ["2"]}, depends={"server": ["gone"]})
    before = Path(_lock(tmp_path, a="1")).read_bytes()
    with pytest.raises(TurnupError, match=re.escape(message)):
        _update(tmp_path, wanted)
    assert (tmp_path / "x.lock").read_bytes() == before


def test_update_without_network_leaves_the_lock(fake, tmp_path) -> None:
    """A failed update changes nothing."""
    fake.set(offline=True)
    lock = Path(_lock(tmp_path, a="1"))
    before = lock.read_bytes()
    with pytest.raises(apt.AptError):
        update_lock.update(update_lock.Repository("repo", PackageRequest(["a"]), "x.lock"), str(tmp_path))
    assert lock.read_bytes() == before


def test_repositories_are_read_from_bazels_answer() -> None:
    """Name, lock and packages come from the query's XML."""
    text = """<?xml version="1.1" encoding="UTF-8" standalone="no"?><query version="2">
    <rule class="debian_packages" name="//external:debian_x"><string name="name" value="debian_x"/>
    <list name="packages"><string value="a"/><string value="b"/></list>
    <boolean name="dependencies" value="true"/><list name="without"><string value="c"/></list>
    <label name="lock" value="//third_party/debian:x.lock"/></rule>
    <rule class="debian_packages" name="//external:debian_y"><string name="name" value="debian_y"/>
    <list name="packages"><string value="a"/></list><boolean name="dependencies" value="false"/>
    <label name="lock" value="//third_party/debian:y.lock"/></rule>
    <rule class="debian_packages" name="//external:debian_z"><string name="name" value="debian_z"/>
    <list name="packages"><string value="a"/></list><boolean name="dependencies" value="true"/>
    <list name="exclude"><string value="b"/></list><list name="without"/>
    <label name="lock" value="//third_party/debian:z.lock"/></rule></query>"""
    assert update_lock.read_query(text) == [
        ("debian_x", (["a", "b"], True, ["c"]), "third_party/debian/x.lock", ""),
        ("debian_y", (["a"], False, []), "third_party/debian/y.lock", ""),
        ("debian_z", (["a"], True, ["b"]), "third_party/debian/z.lock", ""),
    ]


def test_update_outside_bazel_run_says_how(monkeypatch, capsys) -> None:
    """Without bazel run there is no workspace, and the error says so."""
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)
    assert run(update_lock.main, []) == 1
    assert "bazel run" in capsys.readouterr().err


def test_update_refuses_an_unknown_name(monkeypatch, capsys) -> None:
    """The error for an unknown repository lists the known ones."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", "/")
    monkeypatch.setattr(update_lock, "query", lambda _: [update_lock.Repository("debian_x", PackageRequest([]), "x")])
    assert run(update_lock.main, ["debian_y"]) == 1
    assert "debian_y: WORKSPACE has no debian_packages of that name; it has debian_x" in capsys.readouterr().err


@pytest.mark.parametrize(("label", "owner"), [("@tu//a:x.lock", "tu"), ("@@tu+//a:x.lock", "tu+"), ("@@//a:x.lock", ""), ("@//a:x.lock", "")])
def test_the_lock_of_another_repository(label, owner) -> None:
    """The repository that has a lock is known by every version of Bazel's labels."""
    text = f'<query><rule name="//external:x"><label name="lock" value="{label}"/></rule></query>'
    (found,) = update_lock.read_query(text)

    assert (found.lock, found.owner) == ("a/x.lock", owner)


def test_update_leaves_the_locks_of_other_repositories(monkeypatch, capsys, tmp_path) -> None:
    """Without names, the locks of other repositories stay; naming one is an error that says where it is."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    theirs = update_lock.Repository("debian_x", PackageRequest(["a"]), "x.lock", "turnup")
    monkeypatch.setattr(update_lock, "query", lambda _: [theirs])
    assert run(update_lock.main, []) == 0
    assert run(update_lock.main, ["debian_x"]) == 1

    assert list(tmp_path.iterdir()) == []
    assert "debian_x: its lock is in the repository @turnup; update it there, or declare" in capsys.readouterr().err


def test_checksums_are_of_the_whole_file(tmp_path) -> None:
    """sha256_of reads a whole file."""
    (tmp_path / "f").write_bytes(b"x" * 3_000_000)
    assert debian_lock.sha256_of(tmp_path / "f") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
