"""Tests of warnings of the API server: each is reported once, with its object."""

from __future__ import annotations

from rules.k8s.tools.api.client import warning_texts
from rules.k8s.tools.api.discovery import POD, Kinds, Resource
from rules.k8s.tools.api.server_warnings import ServerWarnings

_KINDS = Kinds([POD, Resource("apps/v1", "Deployment", "deployments", True), Resource("v1", "Namespace", "namespaces", False)])


def test_headers_are_parsed():
    """Several warnings in one header or in many are found, with quotes inside their texts."""
    assert warning_texts(['299 - "one, \\"quoted\\"", 299 kube "two"', '299 - "three"']) == ['one, "quoted"', "two", "three"]
    assert warning_texts([]) == []


def test_a_warning_is_said_once_with_its_object():
    """The dry run's and the write's warning about one object is one; paths without an object are not reported."""
    said: list[str] = []
    warnings = ServerWarnings(_KINDS, "//a:dev", lambda label, identity, text: said.append(f"{label}: {identity}: {text}"))
    for path in (
        "/apis/apps/v1/namespaces/dev/deployments/web",
        "/apis/apps/v1/namespaces/dev/deployments/web",
        "/api/v1/namespaces/dev/pods/p%2Fx",
        "/api/v1/namespaces/dev",
        "/apis/apps/v1/namespaces/dev/deployments",
        "/api",
    ):
        warnings.hear(path, "old")
    warnings.hear("/apis/apps/v1/namespaces/dev/deployments/web", "older")

    assert said == [
        "//a:dev: Deployment dev/web: old",
        "//a:dev: Pod dev/p/x: old",
        "//a:dev: Namespace dev: old",
        "//a:dev: Deployment dev/web: older",
    ]
