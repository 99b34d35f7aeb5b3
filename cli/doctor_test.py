"""Tests of `turnup doctor`: the table and its exit code."""

import io
import json

import pytest

from cli import doctor, kubernetes
from cli.common import tools
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
