"""Tests of the records of contexts' servers; //tests/apply tests the guard with real API servers."""

from __future__ import annotations

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map


@pytest.mark.parametrize("content", ["", "{", "junk", "{}", "[]", "5", "[" * 100_000, '{"server": null}', '{"server": 5}', '{"server": "x", "uid": 5}'])
def test_a_damaged_record_is_refused(shell, server, content):
    """A damaged record is an error, not a first use: nothing is sent, and the message names the file and what to do."""
    shell.make(config_map("a"))
    assert shell.run("apply") == 0, shell.err
    record = next((shell.folder / "state" / "turnup" / "contexts").iterdir())
    record.write_text(content)
    with FakeServer() as other:
        shell.use(other.kubeconfig())

        assert shell.run("apply") == 3
        assert shell.err == (
            f"ERROR: {record} is damaged, so it is unknown whether the context still leads to the cluster of its first use; "
            "nothing was sent. "
            "Check the context's server in the kubeconfig, then delete the file, or accept the server with '-- --accept-cluster'.\n"
        )
        assert other.requests == [] and record.read_text() == content
    shell.use(server.kubeconfig())
    assert shell.run("apply", "--accept-cluster") == 0, shell.err
    assert shell.run("apply") == 0, shell.err


def test_a_record_that_cannot_be_read_is_refused(shell, server):
    """An unreadable record is an error, too, and the message names the file."""
    shell.make(config_map("a"))
    assert shell.run("apply") == 0, shell.err
    record = next((shell.folder / "state" / "turnup" / "contexts").iterdir())
    record.unlink()
    record.mkdir()

    assert shell.run("apply") == 3
    assert f"{record} cannot be read (Is a directory)" in shell.err
