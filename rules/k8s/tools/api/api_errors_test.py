"""Tests of error messages: refusals by the server, and answers of something that is not an API server."""

from __future__ import annotations

import http.server
import socket
import threading

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map
from rules.k8s.tools.api import client as client_module
from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.finalizers import describe_finalizers
from rules.k8s.tools.api.webhooks import parse_webhook_failure
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.objects.objects import Identity

SECRET = Identity("", "Secret", "dev", "key")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            'secrets "key" is forbidden: User "jane" cannot patch resource "secrets" in API group "" in the namespace "dev"',
            'User "jane" cannot patch resource "secrets" in API group "" in the namespace "dev"',
        ),
        ('secrets "key" is forbidden: exceeded quota: few', 'secrets "key" is forbidden'),
        ('admission webhook denied it: the value "canary" is weak', "the value *** is weak"),
    ],
)
def test_only_values_of_a_secret_are_masked(message, shown):
    """A message about missing permissions is shown in full; any other quoted text is masked, because it may be a value."""
    sentence = explain(ApiError(403, "Forbidden", message), "//svc:dev", SECRET)

    assert shown in sentence and "canary" not in sentence


def test_a_kind_that_is_not_kept_is_named():
    """The message for a kind that the server does not store says so."""
    sentence = explain(ApiError(404, "NotFound", "the server could not find the requested resource"), "//svc:dev", Identity("", "Binding", "dev", "b"))

    assert sentence.startswith("//svc:dev: Binding dev/b: Binding objects are not stored, so they cannot be applied (")


@pytest.mark.parametrize(
    ("message", "service", "cause"),
    [
        (
            (
                'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://gate.s2.svc:443/v?timeout=10s": '
                'service "gate" not found'
            ),
            ("s2", "gate"),
            'service "gate" not found',
        ),
        (
            'failed calling webhook "a.example.com": failed to call webhook: Post "https://out.example.com/v": EOF',
            None,
            'failed to call webhook: Post "https://out.example.com/v": EOF',
        ),
    ],
)
def test_a_webhook_is_read_from_what_the_server_says(message, service, cause):
    """A webhook failure has the webhook's name, its Service if there is one, and the cause."""
    hook = parse_webhook_failure(message)

    assert hook and (hook.name, hook.service, hook.cause) == ("a.example.com", service, cause)
    assert parse_webhook_failure('admission webhook "a.example.com" denied the request') is None


def test_what_holds_a_namespace_is_in_its_conditions():
    """A namespace's conditions tell what keeps it; for other objects, their finalizers do."""
    live = {
        "kind": "Namespace",
        "metadata": {"name": "s2"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {
            "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"},
                {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining: tests/held in 1 instances"},
            ]
        },
    }

    assert describe_finalizers(live) == "Some content has finalizers remaining: tests/held in 1 instances"
    assert describe_finalizers({"kind": "ConfigMap", "metadata": {"finalizers": ["a", "b"]}}) == "finalizers: a, b"
    assert describe_finalizers({"kind": "ConfigMap", "metadata": {}}) == ""


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%2Fb"])
def test_a_name_that_cannot_be_in_a_path_is_refused(shell, server, name):
    """The message names the object and its target, and nothing is sent."""
    shell.make(config_map(name))

    assert shell.run("apply") == 1
    assert shell.err.startswith(f"ERROR: //svc:dev: ConfigMap {name!r} is not a valid name of an object.") and server.writes == []


def test_what_cannot_be_read_is_named(shell, server):
    """The message for a refusal without a sentence of its own names the object."""
    server.refuse = lambda request: (400, {"reason": "BadRequest", "message": "odd"}) if request.path.endswith("/configmaps/a") else None
    shell.make(config_map("a"))

    assert shell.run("apply") == 1
    assert "//svc:dev: ConfigMap dev/a: the cluster finds it invalid (odd)" in shell.err


def test_an_object_without_its_annotation_is_not_called_somebody_elses(shell, server):
    """The message for an object that Turnup created, but which has lost its annotation, says so."""
    shell.make(config_map("a", key="1"))
    assert shell.run("apply") == 0, shell.err
    live = server.get(config_map("a"))
    del live["metadata"]["annotations"]
    server.put(live)
    shell.make(config_map("a", key="1"))

    assert shell.run("apply") == 1
    assert "ConfigMap dev/a was created by Turnup, but its annotation 'turnup/target', which names the target, has been removed" in shell.err
    assert shell.run("apply", "--adopt") == 0, shell.err


class _Page(http.server.BaseHTTPRequestHandler):
    """A server that is not an API server."""

    answer = (404, "404 page not found\n")

    def do_GET(self) -> None:
        """Sends the answer."""
        self.send_response(self.answer[0])
        self.send_header("Content-Length", str(len(self.answer[1])))
        self.end_headers()
        self.wfile.write(self.answer[1].encode())

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.mark.parametrize(("path", "answer"), [("/some/path/", (404, "404 page not found\n")), ("", (400, "Client sent an HTTP request to an HTTPS server.\n"))])
def test_an_address_beside_the_server_is_named(monkeypatch, path, answer):
    """If the kubeconfig's server is not an API server, the message has its address and the context."""
    monkeypatch.setattr(_Page, "answer", answer)
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}{path}"
        with pytest.raises(ApiError) as raised:
            Client(Connection("ctx", "cluster", url, None, True, "", None, None, dict, {})).request("GET", "/api")
        server.shutdown()

    assert raised.value.status == answer[0]
    assert str(raised.value).startswith(f"{url} answers {answer[1].strip()!r}") and "context 'ctx'" in str(raised.value)


def test_what_is_too_large_is_not_called_a_server_that_is_away(monkeypatch):
    """If the server closes the connection while megabytes are being sent, the message says that the object is too large."""
    monkeypatch.setattr(client_module, "_pause", lambda attempt, retry_after: 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                with taken:
                    taken.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        client = Client(Connection("ctx", "cluster", f"http://127.0.0.1:{server.getsockname()[1]}", None, True, "", None, None, dict, {}))
        with pytest.raises(ApiError) as raised:
            client.request("PATCH", "/api/v1/namespaces/dev/configmaps/big", body={"data": "x" * 8_500_000})
        server.shutdown(socket.SHUT_RDWR)

    assert "is too large for the API server (8500011 bytes; the limit is 3145728)" in explain(
        raised.value, "//svc:dev", Identity("", "ConfigMap", "dev", "big")
    )
