"""Tests of the errors for answers that are not a success."""

from __future__ import annotations

import io

import pytest
import urllib3

from rules.k8s.tools.api.answers import decode, refusal
from rules.k8s.tools.errors import ApiError, TurnupError, run_main
from rules.k8s.tools.kubeconfig.kubeconfig import Connection

CONNECTION = Connection("ctx", "cluster", "https://api.example:6443", None, True, "", None, None, dict, {})


def ended_by(status: int, body: bytes, **headers: str) -> str:
    """Returns what a run prints that an answer ends."""
    answer = urllib3.HTTPResponse(body=body, status=status, headers=headers)
    error = refusal(answer, decode(body, CONNECTION, status), CONNECTION, "GET /apis")

    def body_of_run() -> int:
        raise error

    err = io.StringIO()
    assert run_main(body_of_run, stderr=err) == 1
    return err.getvalue()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "502: 502 Bad Gateway"),
        (503, b"<html></html>", "503: a page without text"),
        (503, b"no backend", "503: no backend"),
        (
            403,
            b'{"kind": "Status", "message": "forbidden: User \\"jane\\" cannot get path \\"/apis\\""}',
            '403: forbidden: User "jane" cannot get path "/apis"',
        ),
        (500, b"", "500: HTTP 500"),
    ],
)
def test_a_refusal_that_ends_a_run_names_server_and_request(status, body, words):
    """Whatever refuses a request, the error names the server, the request and the reason."""
    assert ended_by(status, body) == f"ERROR: https://api.example:6443: GET /apis was refused ({words}).\n"


def test_a_redirect_is_not_an_answer():
    """A redirect ends the run, names where it leads, and shows nothing that may be a credential."""
    said = ended_by(302, b"{}", Location="https://login.example/start?token=canary")

    assert "https://api.example:6443 answers GET /apis with a redirect to https://login.example (HTTP 302)" in said and "canary" not in said
    assert "another path" in ended_by(307, b"<html>", Location="/login")


def test_an_explained_refusal_keeps_its_words():
    """The message of a refusal is the server's own, for those who explain it."""
    error = refusal(urllib3.HTTPResponse(status=409), {"message": "conflict", "reason": "Conflict"}, CONNECTION, "PATCH /x")

    assert isinstance(error, ApiError) and str(error) == error.message == "conflict"
    assert isinstance(refusal(urllib3.HTTPResponse(status=401), {}, CONNECTION, "GET /x"), TurnupError)
