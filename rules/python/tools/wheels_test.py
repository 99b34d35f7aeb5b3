"""Tests of the pip repository's two programs."""

import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rules.python.tools import download_wheels, unpack_wheel


def make_wheel(path: Path, files: dict[str, str]) -> Path:
    """Writes a wheel with the given entries (name to text)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_locked_names_are_normalized():
    """Names of the lock compare without regard to case, dots and dashes; comments and hashes are not names."""
    lock = "# a==1\nPyYAML==6.0 \\\n    --hash=sha256:00\nruamel.yaml-clib==1\n"

    assert download_wheels.locked_names(lock) == {"pyyaml", "ruamel_yaml_clib"}


def test_dependencies_follow_markers_and_extras(tmp_path):
    """A dependency counts when its marker holds, it needs no extra and the lock has it."""
    metadata = (
        "Metadata-Version: 2.1\nName: a\n"
        "Requires-Dist: b>=1\n"
        'Requires-Dist: c; python_version < "3"\n'
        'Requires-Dist: d; extra == "speed"\n'
        "Requires-Dist: not-locked\n"
    )
    wheel = make_wheel(tmp_path / "a-1-py3-none-any.whl", {"a-1.dist-info/METADATA": metadata})

    assert download_wheels.dependencies(wheel, {"a", "b", "c", "d"}, Requirement) == ["b"]


def test_a_wheel_without_metadata_is_one_sentence(tmp_path):
    """A wheel without METADATA is refused by name."""
    wheel = make_wheel(tmp_path / "a-1-py3-none-any.whl", {"a.py": ""})

    with pytest.raises(download_wheels.LockError, match="a-1-py3-none-any.whl has 0 METADATA files"):
        download_wheels.requirements_of(wheel)


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
