"""Tests of the generated values of a run's Secrets."""

from __future__ import annotations

import base64

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "dev", "annotations": {"turnup/generate": "password"}}}


def value(server) -> str:
    """Returns the stored value, decoded."""
    return base64.b64decode((server.get(SECRET) or {})["data"]["password"]).decode()


def test_a_value_is_chosen_once(shell, server):
    """The first apply stores a value and prints none; the second one writes nothing."""
    server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev"}})
    shell.make(SECRET)
    assert shell.run("diff") == 1 and "+  password: generated\n" in shell.out
    assert shell.run("apply") == 0, shell.err
    first, writes = value(server), len(server.writes)

    assert len(first) == 32 and first not in shell.out + shell.err
    assert shell.run("diff") == 0 and shell.run("apply") == 0 and "1 unchanged" in shell.err
    assert value(server) == first and len(server.writes) == writes


def test_a_secret_that_may_not_be_read_is_one_sentence(shell, server):
    """Nothing is written without the right to read the Secret; another refusal of the server is told as it is."""
    server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev"}})
    shell.make(SECRET, config_map("other"))
    for message, sentence in (
        (
            'secrets "login" is forbidden: User "jane" cannot get resource "secrets" in API group "" in the namespace "dev"',
            "this account may not read the Secret, and values of its annotation turnup/generate must be kept. Ask for the right to get Secrets in dev.",
        ),
        ("a policy forbids it", "the cluster forbids it (a policy forbids it); ask for the permission, or use another user."),
    ):
        server.refuse = lambda request, message=message: (
            (403, {"reason": "Forbidden", "message": message}) if request.method == "GET" and request.path.endswith("/secrets/login") else None
        )
        assert shell.run("apply") == 1
        assert shell.err.splitlines()[-1] == f"ERROR: //svc:dev: Secret dev/login: {sentence}"
    assert not any("/secrets/login" in request.path or "/configmaps/other" in request.path for request in server.writes)
