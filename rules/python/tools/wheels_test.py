"""Tests of the programs that download and unpack wheels."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

from rules.common.errors import InputError
from rules.python.tools import download_wheels, unpack_wheel
from rules.python.tools.locked import Package


def make_wheel(path: Path, files: dict[str, str]) -> Path:
    """Writes a wheel with the given entries (name to text)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_dependencies_follow_markers_and_extras(tmp_path):
    """A wheel needs a package if its marker holds, and without an extra or with one that is asked for."""
    metadata = (
        "Metadata-Version: 2.1\nName: a\n"
        "Requires-Dist: B-b>=1\n"
        'Requires-Dist: c; python_version < "3"\n'
        'Requires-Dist: d; extra == "speed"\n'
        'Requires-Dist: a[speed]; extra == "all"\n'
    )
    wheel = make_wheel(tmp_path / "a-1-py3-none-any.whl", {"a-1.dist-info/METADATA": metadata})

    assert download_wheels.requires(wheel, []) == ["b_b"]
    assert download_wheels.requires(wheel, ["all", "speed"]) == ["b_b", "d"]


@pytest.mark.parametrize(("files", "words"), [({"a.py": ""}, "has 0 METADATA files"), (None, "is not a readable wheel")])
def test_a_wheel_without_metadata_is_one_sentence(tmp_path, files, words):
    """A file that is not a wheel with METADATA is refused by name."""
    wheel = tmp_path / "a-1-py3-none-any.whl"
    if files is None:
        wheel.write_bytes(b"not a zip")
    else:
        make_wheel(wheel, files)

    with pytest.raises(InputError, match=f"a-1-py3-none-any.whl {words}"):
        download_wheels.requires(wheel, [])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "ERROR: Ignored the following versions that require a different python version: 1.0 Requires-Python >=3.99; 0.9 Requires-Python >=3.98",
            "needs Python >=3.99",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n    a==1 from https://i.example/x/a-1-cp311-cp311-linux.whl#sha256=0",
            "has no hash of a-1-cp311-cp311-linux.whl",
        ),
        ("ERROR: Could not find a version that satisfies the requirement a==1 (from versions: 0.8)", "has no wheel for Python"),
        ("ERROR: Could not find a version (from versions: none)\nERROR: No matching distribution found for a==1", "is the package index reachable?"),
        ("", "pip download failed"),
    ],
)
def test_what_pip_says_is_one_sentence(said, words):
    """Each failure of pip is one sentence with the lock; a lock of another Python is told from an index that does not answer."""
    sentence = download_wheels.explain(Package("a", "a==1", [], []), "//:requirements.lock", said)

    assert sentence.startswith("//:requirements.lock: ")
    assert words in sentence
    assert "\n" not in sentence


@pytest.fixture(name="share")
def _share(tmp_path, monkeypatch):
    """Returns the file with a share of a lock that has one wheel, which is in the cache; a download fails."""
    cache = tmp_path / "home/turnup/wheels"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download_wheels, "_cache", lambda: cache)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    wheel = make_wheel(tmp_path / "made.whl", {"a-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: a\nRequires-Dist: b\n"})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (cache / digest).mkdir(parents=True)
    wheel.rename(cache / digest / "a-1-py3-none-any.whl")
    package = {"name": "a", "requirement": "a==1", "extras": [], "hashes": ["sha256:" + "0" * 64, f"sha256:{digest}"]}
    path = tmp_path / "share.json"
    path.write_text(json.dumps({"lock": "//:lock", "options": [], "packages": [package]}))
    return path


def test_a_cached_wheel_needs_no_network(share):
    """A wheel that the cache has is copied without pip, and its needs are written beside it."""
    assert download_wheels.main([str(share)]) == 0

    written = (share.parent / "wheels.bzl").read_text()
    assert '"a": struct(file = "a-1-py3-none-any.whl", requires = ["b"]),' in written
    assert zipfile.is_zipfile(share.parent / "a-1-py3-none-any.whl")


def test_a_changed_wheel_of_the_cache_is_not_used(share, capsys):
    """Bytes that differ from the lock's hash are not taken from the cache; pip then downloads the wheel."""
    (wheel,) = (share.parent / "home").rglob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"x")

    assert download_wheels.main([str(share)]) == 1
    assert "pip download failed" in capsys.readouterr().err
    assert not (share.parent / "wheels.bzl").exists()


def test_a_download_is_kept(share, monkeypatch):
    """What pip downloads goes into the cache, and the next fetch needs no pip."""
    (wheel,) = (share.parent / "home").rglob("*.whl")
    data = wheel.read_bytes()
    wheel.unlink()

    def download(package, lock, options):
        made = Path("a-1-py3-none-any.whl")
        made.write_bytes(data)
        return made

    with monkeypatch.context() as patched:
        patched.setattr(download_wheels, "_download", download)
        assert download_wheels.main([str(share)]) == 0
    assert download_wheels.main([str(share)]) == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.py", "a/b.py"), ("x-1.data/purelib/c.py", "c.py"), ("x-1.data/scripts/tool", None), ("x-1.data/headers/a.h", None)],
)
def test_target_path(name, expected):
    """Modules go to site-packages; scripts and headers are left out."""
    path = unpack_wheel.target_path(name)

    assert (str(path) if path else None) == expected


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a\\b"])
def test_entries_that_leave_the_folder_are_refused(tmp_path, name):
    """A hostile wheel ends with one sentence and writes nothing outside."""
    wheel = make_wheel(tmp_path / "bad.whl", {name: "x"})

    assert unpack_wheel.main([str(wheel), str(tmp_path / "site")]) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.whl"]


def test_a_damaged_wheel_is_one_sentence(tmp_path, capsys):
    """Bytes that are not an archive end with a sentence that names the wheel, without a traceback."""
    wheel = tmp_path / "bad.whl"
    wheel.write_bytes(b"not a zip")

    assert unpack_wheel.main([str(wheel), str(tmp_path / "site")]) == 1
    assert capsys.readouterr().err.startswith("ERROR: bad.whl: not a readable archive")


def test_two_unpacks_are_byte_identical(tmp_path):
    """The byte code of two folders is the same: it has neither time nor path."""
    wheel = make_wheel(tmp_path / "a.whl", {"pkg/__init__.py": "x = 1\n", "pkg/m.py": "def f():\n    return 2\n"})
    for site in ("one", "two/deeper"):
        unpack_wheel.unpack(wheel, tmp_path / site)

    trees = [{str(p.relative_to(tmp_path / site)): p.read_bytes() for p in (tmp_path / site).rglob("*") if p.is_file()} for site in ("one", "two/deeper")]
    assert trees[0] == trees[1]
    assert any(name.endswith(".pyc") for name in trees[0])
