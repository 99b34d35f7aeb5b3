"""Tests of objects with an unavailable webhook, with a real API server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, document
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.write import applier, apply_writer

ADMISSION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def service(name: str, place: str) -> dict[str, Any]:
    """Returns a Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": place},
        "spec": {"selector": {"app": name}, "ports": [{"name": "main", "port": 443, "protocol": "TCP"}]},
    }


def account(name: str, place: str) -> dict[str, Any]:
    """Returns a ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": place}}


@pytest.fixture(name="hooked")
def fixture_hooked(client, home):
    """Returns a namespace in which new ConfigMaps c need the webhook of Service `gate`."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"], "scope": "Namespaced"}
    client.request(
        "POST",
        ADMISSION,
        body={
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": home},
            "webhooks": [
                {
                    "name": "gate.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Fail",
                    "rules": [rule],
                    "timeoutSeconds": 1,
                    "matchConditions": [{"name": "one", "expression": f"object.metadata.name == 'c' && request.namespace == '{home}'"}],
                    "clientConfig": {"service": {"namespace": home, "name": "gate", "path": "/check"}},
                }
            ],
        },
    )
    asked = client_says(client, home)
    yield home
    client.request("DELETE", f"{ADMISSION}/{home}")
    assert "gate" in asked


def client_says(client: Client, place: str) -> str:
    """Waits until the server calls the webhook, and returns its error."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            client.request("POST", f"/api/v1/namespaces/{place}/configmaps", body=config_map("c", place), query={"dryRun": "All"})
        except applier.ApiError as error:
            return error.message
        time.sleep(0.2)
    return ""


def test_a_webhook_that_nobody_makes_is_a_refusal(shell, server, hooked):
    """If nothing creates the webhook, the run fails at once with its Service's name, and writes nothing."""
    shell.make_targets(document("//svc:dev", [config_map("c", hooked), account("sa", hooked)], namespace=hooked))
    before, started = server.changes(), time.monotonic()

    assert shell.run("apply") == 1
    assert time.monotonic() - started < 5
    assert shell.err.startswith(
        f"ERROR: //svc:dev: ConfigMap {hooked}/c: the webhook 'gate.example.com' of Service {hooked}/gate must admit it but does not answer (service "
    )
    assert shell.err.endswith("Nothing was written.\n") and len(shell.err.splitlines()) == 1
    assert server.changes() == before


def endpoints(client: Client, place: str, *, ready: bool) -> None:
    """Creates the endpoints of Service `gate`, as a controller does for its pods."""
    client.request(
        "POST",
        f"/apis/discovery.k8s.io/v1/namespaces/{place}/endpointslices",
        body={
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "addressType": "IPv4",
            "ports": [],
            "metadata": {"name": "gate-1", "labels": {"kubernetes.io/service-name": "gate"}},
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": ready}}],
        },
    )


@pytest.mark.parametrize("case", ["own", "starting", "idle"])
def test_a_webhook_that_is_about_to_run_is_waited_for(shell, client, hooked, monkeypatch, case):
    """A run waits for a webhook of the same run, or one whose pods start, and names it; a webhook without a starting pod is an error."""
    monkeypatch.setattr(apply_writer, "Applier", lambda *given, **named: applier.Applier(*given, **named, timeout=1.0))
    own = [service("gate", hooked)] if case == "own" else []
    if case != "own":
        client.request("POST", f"/api/v1/namespaces/{hooked}/services", body=service("gate", hooked))
    if case == "starting":
        endpoints(client, hooked, ready=False)
    shell.make_targets(document("//svc:dev", [config_map("c", hooked), account("sa", hooked), *own], namespace=hooked))

    assert shell.run("apply") == 1
    told = f"//svc:dev: ConfigMap {hooked}/c waits until the webhook 'gate.example.com' of Service {hooked}/gate answers ("
    assert shell.err.count(told) == (0 if case == "idle" else 1)
    assert ("Nothing was written." in shell.err) == (case == "idle")
