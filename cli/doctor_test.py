"""Tests of `turnup doctor`: the table and its exit code."""

import io
import json
import re

import pytest

from cli import doctor, kubernetes, pins
from cli.common import tools, workspace
from cluster.common.fake_process import FakeRunner

GONE = tools.Tool("gone", "2 or newer", "gone-package", paths=("/nonexistent",))
THERE = tools.Tool("there", "any", "there-package", paths=("/",))
MAYBE = tools.Tool("maybe", "any", "see its guide", paths=("/nonexistent",))


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """A table of one installed tool and one optional tool."""
    monkeypatch.setattr(tools, "TOOLS", (THERE,))
    monkeypatch.setattr(tools, "OPTIONAL_TOOLS", (MAYBE,))
    monkeypatch.setattr(kubernetes, "missing", lambda: ["etcd"])
    monkeypatch.setattr(doctor, "trust_rows", lambda runner: [])


def run(**options):
    """Runs doctor and returns its exit code and output."""
    out = io.StringIO()
    return doctor.run(FakeRunner(), out, as_json=options.get("as_json", False)), out.getvalue()


def test_all_there():
    """Missing tools of another provider, and programs that `up` builds, are not a failure."""
    code, text = run()

    assert code == 0
    assert "ok" in text and "not installed" in text and "missing" not in text


def test_something_missing(monkeypatch):
    """A missing tool makes the exit code 1, and the output has the command that installs it."""
    monkeypatch.setattr(tools, "TOOLS", (GONE, THERE))
    code, text = run()

    assert code == 1
    assert "apt-get install gone-package" in text
    assert "missing: gone;" in text


def test_running_clusters(monkeypatch):
    """What protects the machine from the pods of a running cluster is in the table, and its absence is no missing tool."""
    row = {"tool": "local: network", "found": "no rules", "path": "/x", "wanted": "firewall rules", "ok": False, "needed": False, "get": "start it again"}
    monkeypatch.setattr(doctor, "trust_rows", lambda runner: [row])
    code, text = run()

    assert code == 0
    assert "local: network" in text and "start it again" in text


def test_json(monkeypatch):
    """JSON has the same facts and the same exit code."""
    monkeypatch.setattr(tools, "TOOLS", (GONE,))
    code, text = run(as_json=True)
    row = next(row for row in json.loads(text) if row["tool"] == "gone")

    assert code == 1
    assert row == {
        "tool": "gone",
        "found": "",
        "path": "",
        "wanted": "2 or newer",
        "ok": False,
        "needed": True,
        "get": "apt-get install gone-package",
    }


def test_what_is_pinned_and_what_is_not():
    """A section lists each kind of lock with its number of hashes, and what has none: host packages, Bazel, the kernel."""
    _, text = run()
    section = text[text.index("from outside") :]
    for kind in ("Python packages", "Java artifacts", "Go modules", "Go toolchain", "Debian packages in images"):
        assert re.search(rf"^pinned +{kind} +[1-9]\d* with a hash each", section, re.MULTILINE), (kind, section)
    for kind in ("host package there-package", "kernel", "containerd, runc, CNI plugins"):
        assert re.search(rf"^not pinned +{kind}", section, re.MULTILINE), kind

    _, text = run(as_json=True)
    pinned = {row["tool"]: row["pinned"] for row in json.loads(text) if "pinned" in row}
    assert pinned["Python packages"] and not pinned["kernel"]


def test_every_lock_is_counted():
    """Each lock file and go.sum of the repository belongs to a row, and each has entries, but those of tests and benchmarks."""
    listed = {path for _, patterns, _ in pins._LOCKS for pattern in patterns for path in workspace.ROOT.glob(pattern)}
    locks = {
        path for pattern in ("cli/*.lock", "third_party/*/*.lock", "cluster/*/*/go.sum", "third_party/*/*/go.sum") for path in workspace.ROOT.glob(pattern)
    }
    assert locks and locks <= listed
    for _, patterns, line in pins._LOCKS:
        for pattern in patterns:
            for path in workspace.ROOT.glob(pattern):
                assert re.findall(line, path.read_text(), re.MULTILINE), path
