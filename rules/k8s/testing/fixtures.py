"""Fixtures that tests of the verbs share; a test file imports them by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.plans import namespace
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import APPLY_PATCH, Client
from rules.k8s.tools.objects.generated_values import generated_keys
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION, Identity, identity
from rules.k8s.tools.stack.inventory import PART_OF


@pytest.fixture(name="server")
def fixture_server() -> Iterator[FakeServer]:
    """A fake API server with the namespace dev."""
    with FakeServer() as server:
        server.put(namespace("dev"))
        yield server


@pytest.fixture(name="shell")
def fixture_shell(tmp_path: Path, server: FakeServer) -> Shell:
    """A shell with the fake server's kubeconfig."""
    return Shell(tmp_path, server.kubeconfig())


@pytest.fixture(name="sent")
def fixture_sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The list of objects that server-side apply sends from now on, without the stack's own records."""
    sent: list[dict[str, Any]] = []
    request = Client.request

    def record(self: Client, method: str, path: str, **settings: Any) -> Any:
        body: Any = settings.get("body")
        if settings.get("content_type") == APPLY_PATCH and OWNER_ANNOTATION in (body["metadata"].get("annotations") or {}):
            sent.append(body)
        return request(self, method, path, **settings)

    monkeypatch.setattr(Client, "request", record)
    return sent


def _without_generated(obj: dict[str, Any]) -> dict[str, Any]:
    """Returns an object as its manifest has it; an apply adds each generated value, and the resourceVersion that it must replace."""
    keys = generated_keys(obj)
    if not keys:
        return obj
    assert set(keys) <= set(obj["data"])
    data = {key: value for key, value in obj["data"].items() if key not in keys}
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    return {key: value for key, value in obj.items() if key != "data"} | {"metadata": meta} | ({"data": data} if data else {})


def as_built(sent: Iterable[dict[str, Any]]) -> dict[Identity, dict[str, Any]]:
    """Returns sent objects without what depends on the cluster: the ApplySet label, and generated values of Secrets."""
    found = {}
    for each in sent:
        obj = _without_generated(each)
        labels = {key: value for key, value in obj["metadata"]["labels"].items() if key != PART_OF}
        meta = {key: value for key, value in obj["metadata"].items() if key != "labels"} | ({"labels": labels} if labels else {})
        found[identity(obj)] = {**obj, "metadata": meta}
    return found
