"""Tests of the cluster's API client with the table of hostile answers: each call ends as one sentence, in bounded time and memory."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

from cluster.embedded.api import client as api
from cluster.embedded.api.client import ApiClient, ApiError
from cluster.model.state import Cluster
from rules.common.bounded_http import BoundedResponse
from rules.common.testing.hostile import HostileServer, answers

LONG = os.environ.get("FORM") == "long"
ANSWERS = answers("application/json")


class _Plain(urllib3.connection.HTTPConnection):
    response_class = BoundedResponse


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Whatever the server answers, the call returns JSON or text, or raises one sentence; a redirect is not followed."""
    if not LONG:
        monkeypatch.setattr(api, "_ANSWER_SECONDS", 0.6)
        monkeypatch.setattr(api, "_ANSWER_BYTES", 24 << 20)
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = ""
    with HostileServer(ANSWERS[answer]) as server:

        def plain(_host: str, _port: int, **options: Any) -> urllib3.HTTPConnectionPool:
            host, _, port = server.name.partition(":")
            return _PlainPool(host, int(port), **{name: value for name, value in options.items() if not name.endswith(("certs", "file"))})

        monkeypatch.setattr(api, "_Pool", plain)
        client = ApiClient(Cluster("a", "embedded", "172.19.0.0/26", 1, tmp_path), timeout=5.0 if LONG else 0.3)
        try:
            client.request("GET", "/api/v1/nodes")
        except ApiError as error:
            message = str(error)
        finally:
            client.close()
        assert len(server.requests) <= 1
    assert time.monotonic() - begun < (120 if LONG else 30)
    # Millions of small values take memory while they are decoded.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 600_000
    assert len(message) < 1500 and (not message or message.isprintable()), message
    if "redirect" in answer or "endless" in answer or "dripping" in answer or "deep" in answer:
        assert message


def test_connections_are_bounded() -> None:
    """The connections of real calls, which use TLS, are bounded in the same way."""
    assert api._Pool.ConnectionCls.response_class is BoundedResponse
