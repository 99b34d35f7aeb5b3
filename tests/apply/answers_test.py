"""Tests of what the API server says beside yes and no: warnings, refusals that stay, and fields that it does not store."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import MERGE_PATCH
from tests.apply.stacks import IMAGE, placed


def make(shell: Shell, home: str, *objects: dict[str, Any]) -> None:
    """Writes the plan of one target with objects of a namespace."""
    shell.make_targets(document("//svc:dev", [placed(obj, home) for obj in objects], namespace=home))


def web(**pod: Any) -> dict[str, Any]:
    """Returns a Deployment without pods."""
    obj = deployment("web", image=IMAGE + "a" * 64, replicas=0)
    obj["spec"]["template"]["spec"] |= pod
    return obj


_ENDPOINTS = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "ext"},
    "subsets": [{"addresses": [{"ip": "192.0.2.4"}], "ports": [{"port": 5432}]}],
}


@pytest.mark.parametrize("count", [1, 4])
def test_each_warning_is_said_once_with_its_object(shell, client, home, count):
    """A warning of a dry run and of the write is one line with its object, or one event; an object that needs no request has none."""
    strict = {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}}
    client.request("PATCH", f"/api/v1/namespaces/{home}", content_type=MERGE_PATCH, body=strict)
    names = [f"ext{index}" for index in range(count)]
    objects = [web(hostNetwork=True), *({**_ENDPOINTS, "metadata": {"name": name}} for name in names)]
    make(shell, home, *objects)
    assert shell.run("apply") == 0, shell.err
    lines = [line for line in shell.err.splitlines() if line.startswith("warning: ")]
    assert len(lines) == 1 + count and len(set(lines)) == len(lines), shell.err
    assert any(line.startswith(f"warning: //svc:dev: Deployment {home}/web: would violate PodSecurity") for line in lines)
    assert all(f"warning: //svc:dev: Endpoints {home}/{name}: v1 Endpoints is deprecated" in shell.err for name in names)
    assert shell.run("apply") == 0 and "Deployment" not in shell.err, shell.err
    make(shell, home, web(hostNetwork=True, hostPID=True), *objects[1:])
    told = [event for verb in ("diff", "apply") for event in shell.events(verb) if event["event"] == "warning" and event["object"]["kind"] == "Deployment"]

    assert [(event["object"]["kind"], event["object"]["name"], event["target"]) for event in told] == [("Deployment", "web", "//svc:dev")] * 2
    assert "would violate PodSecurity" in told[0]["text"]


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_pass_is_not_repeated(shell, server, home, field, there):
    """An object that assumes the UID or version of another one fails at once, also where a plan has got past the build."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "exp"}, "spec": {"ports": [{"port": 80}]}}
    if there:
        make(shell, home, service)
        assert shell.run("apply") == 0, shell.err
    service["metadata"] = {"name": "exp", field: {"uid": "0e1d8f2a-0000-4000-8000-000000000001", "resourceVersion": "12345"}[field]}
    make(shell, home, service)
    started = time.monotonic()

    assert shell.run("apply") == 1 and "Service" in shell.err
    assert time.monotonic() - started < 10


def test_a_reference_to_an_impossible_name_names_object_and_field(shell, server, home):
    """A reference to a ConfigMap with a '/' in its name is refused with target, object and field, by apply and by diff."""
    make(shell, home, config_map("a", key="1"), {**web(containers=[{"name": "main", "image": IMAGE + "a" * 64, "envFrom": [_REFERENCE]}])})
    before = server.changes()
    for verb, code in (("apply", 1), ("diff", 2)):
        assert shell.run(verb) == code
        assert f"//svc:dev: Deployment {home}/web" in shell.err and "envFrom[0].configMapRef.name" in shell.err, shell.err
    assert server.changes() == before


_REFERENCE = {"configMapRef": {"name": "a.example.com/x"}}


def test_fields_that_are_not_stored_are_named_when_they_are_written(shell, server, home):
    """A field that the server drops because its feature is off is named once, when the object is written, and is no difference later."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "dataSource": {"kind": "Unknown", "name": "x", "apiGroup": "example.com"},
        },
    }
    make(shell, home, claim)
    line = f"//svc:dev: PersistentVolumeClaim {home}/data: the cluster does not store spec.dataSource"
    assert shell.run("diff") == 1 and line in shell.out, shell.out
    assert shell.run("apply") == 0 and shell.err.count(line) == 1, shell.err
    before = server.changes()
    assert shell.run("diff") == 0 and shell.run("apply") == 0 and line not in shell.err and server.changes() == before
