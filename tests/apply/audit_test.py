"""Tests of the audit policy of embedded clusters, with a real API server: no value of a Secret is in the audit log."""

from __future__ import annotations

import json
import time

import pytest

from cluster.embedded.nodes.nodespec import AUDIT_POLICY
from cluster.programs.build import ensure
from rules.k8s.testing.plans import namespace
from rules.k8s.testing.real_server import CONTEXT, RealServer
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.kubeconfig.kubeconfig import load

NUMBER = 867530912345
TEXT = "CANARY-b3c1-not-base64!"


@pytest.fixture(name="audited")
def _audited(tmp_path_factory):
    """Returns a real API server with the policy of embedded clusters."""
    folder = tmp_path_factory.mktemp("audited")
    policy = folder / "policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    binaries = ensure()
    # The last flag of a name counts.
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", folder, ["--audit-policy-file", str(policy)]) as server:
        yield server


def test_no_value_of_a_secret_is_in_the_audit_log(audited):
    """Neither accepted values nor those that the server refuses and quotes are there; that somebody wrote the Secret is."""
    client = Client(load(audited.kubeconfig, CONTEXT))
    client.request("POST", "/api/v1/namespaces", body=namespace("dev"))
    secrets = "/api/v1/namespaces/dev/secrets"
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    good = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "good"}, "stringData": {"pin": TEXT}}
    client.request("PATCH", f"{secrets}/good", query=query, body=good, content_type=APPLY_PATCH)
    refused = []
    for name, content in (("number", {"stringData": {"pin": NUMBER}}), ("coded", {"data": {"pin": TEXT}}), ("list", {"stringData": {"pin": [TEXT]}})):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **content}
        for method, path in (("PATCH", f"{secrets}/{name}"), ("POST", secrets)):
            with pytest.raises(ApiError) as caught:
                client.request(
                    method, path, query=query if method == "PATCH" else {}, body=body, content_type=APPLY_PATCH if method == "PATCH" else "application/json"
                )
            refused.append(caught.value.message)
    # The test could not fail if the server did not quote values.
    assert any(str(NUMBER) in message or TEXT in message for message in refused), refused

    deadline = time.monotonic() + 10
    while "secrets/good" not in audited.audit_log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    log = audited.audit_log.read_text()
    about = [event for line in log.splitlines() if (event := json.loads(line)).get("objectRef", {}).get("resource") == "secrets"]
    assert {event["verb"] for event in about} == {"patch", "create"} and {event["stage"] for event in about} == {"RequestReceived"}
    assert str(NUMBER) not in log and TEXT not in log
