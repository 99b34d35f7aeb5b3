"""Tests of the wheel's files, metadata and bytes."""

from __future__ import annotations

import email.parser
import hashlib
import io
import json
import zipfile

import pytest

from release import wheel

SOURCES = {
    "LICENSE": b"license",
    "cli/init/standalone.py": b"import sys\nimport click\nfrom cli.init import pin\n\n\ndef main():\n    import rules.common.errors\n",
    "cli/init/entry.py": b"import sys\n",
    "cli/init/pin.py": b"import yaml.nodes\n",
    "cli/init/templates/prod/BUILD.tpl": b"template",
    "cli/main.py": b"import urllib3\n",
    "cli/requirements.in": b"# A comment.\nclick\nPyYAML\nurllib3\n",
    "cli/requirements.lock": b"click==8.5.1 \\\n    --hash=sha256:0\npyyaml==6.0.2 \\\nurllib3==2.8.0 \\\n",
    "rules/common/errors.py": b"",
}


def _wheel(sources: dict[str, bytes] = SOURCES) -> bytes:
    return wheel.pack(wheel.contents(sources, "1.2", "https://x/y", "ab"), "1.2")


def test_files() -> None:
    """The wheel has what init imports, and its templates; each folder is a package of its own."""
    files = wheel.contents(SOURCES, "1.2", "https://x/y", "ab")

    ours = {path.removeprefix("turnup/_source/") for path in files if path.startswith("turnup/_source/") and not path.endswith("__init__.py")}
    assert ours == {"cli/init/standalone.py", "cli/init/pin.py", "cli/init/templates/prod/BUILD.tpl", "rules/common/errors.py", "release.json"}
    assert files["turnup/_source/rules/__init__.py"] == files["turnup/_source/rules/common/__init__.py"] == b""
    assert json.loads(files["turnup/_source/release.json"]) == {"url": "https://x/y", "sha256": "ab"}
    assert {path.partition("/")[0] for path in files} == {"turnup", "turnup-1.2.dist-info"}


def test_metadata() -> None:
    """Name, version, license, Python and the packages that the wheel's modules import, in ranges."""
    metadata = email.parser.BytesParser().parsebytes(wheel.contents(SOURCES, "1.2", "", "ab")["turnup-1.2.dist-info/METADATA"])

    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"], metadata["Requires-Python"]) == ("turnup", "1.2", "Apache-2.0", ">=3.11")
    assert metadata.get_all("Requires-Dist") == ["click>=8.5,<9", "PyYAML>=6.0,<7"]


def test_import_that_is_not_required() -> None:
    """A package that cli/requirements.in does not name is an error that says so."""
    with pytest.raises(SystemExit, match="cli/requirements.in has no package with the module requests"):
        _wheel({**SOURCES, "cli/init/pin.py": b"import requests\n"})


def test_record() -> None:
    """RECORD has the digest and the size of every file, and each file is stored as it is."""
    with zipfile.ZipFile(io.BytesIO(_wheel())) as opened:
        rows = dict(line.split(",", 1) for line in opened.read("turnup-1.2.dist-info/RECORD").decode().splitlines())
        assert rows.keys() == set(opened.namelist())
        for path, row in rows.items():
            if row != ",":
                digest, size = row.split(",")
                assert (digest, int(size)) == ("sha256=" + wheel._digest(opened.read(path)), opened.getinfo(path).file_size)
        assert {entry.compress_type for entry in opened.infolist()} == {zipfile.ZIP_STORED}


def test_same_bytes() -> None:
    """The order of the files does not matter, and neither does the time."""
    assert hashlib.sha256(_wheel()).digest() == hashlib.sha256(_wheel(dict(reversed(SOURCES.items())))).digest()
