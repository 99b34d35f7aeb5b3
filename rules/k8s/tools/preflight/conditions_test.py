"""Tests of conditional objects, as a user applies them."""

from __future__ import annotations

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.plans import config_map, namespace
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.preflight.conditions import ONLY_WITHOUT

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def _class(name, **annotations):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {DEFAULT: "true", **annotations}},
        "provisioner": "example.com/x",
    }


OWN = _class("own", **{ONLY_WITHOUT: "default-storage-class"})


@pytest.fixture(name="server")
def fixture_server():
    """A fake API server that knows storage classes and has the namespace dev."""
    with FakeServer() as server:
        server.kinds.append(("storage.k8s.io/v1", "StorageClass", "storageclasses", False))
        server.put(namespace("dev"))
        yield server


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """A shell with a plan of one conditional and one usual object."""
    shell = Shell(tmp_path, server.kubeconfig())
    shell.make(OWN, config_map("a"), environment="")
    return shell


def test_applied_where_there_is_none(shell, server):
    """Without a default class the object is created, and a second apply does not change it."""
    assert shell.run("apply") == 0
    assert server.get(OWN) is not None
    assert shell.run("apply") == 0
    assert "2 unchanged" in shell.err


def test_left_out_where_there_is_one(shell, server):
    """With someone else's default class only the other object is applied, and a line says why."""
    server.put(_class("theirs"))

    assert shell.run("apply") == 0

    assert "left out: 1 object, because the cluster has a default storage class, theirs" in shell.err
    assert "1 created" in shell.err
    assert server.get(OWN) is None


def test_a_class_that_is_not_the_default_does_not_count(shell, server):
    """A class that is not the default does not count, because claims get it only by name."""
    server.put(_class("theirs", **{DEFAULT: "false"}))

    assert shell.run("apply") == 0
    assert server.get(OWN) is not None


def test_diff_leaves_it_out_too(shell, server):
    """An object that an apply would skip is not a difference."""
    server.put(_class("theirs"))
    shell.run("apply")

    assert shell.run("diff") == 0


def test_an_unknown_condition_is_refused(shell, server):
    """A misspelled condition fails before anything is written, and the message has the right one."""
    shell.make(_class("own", **{ONLY_WITHOUT: "storage"}), environment="")

    assert shell.run("apply") == 1

    assert "'storage'; use 'default-storage-class', the only condition" in shell.err
    assert server.get(OWN) is None
