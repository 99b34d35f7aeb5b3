"""Tests of the limits of HTTP answers: a plain client of http.client within a Budget."""

from __future__ import annotations

import http.client
import time

import pytest

from rules.common.bounded_http import BadAnswerError, BoundedResponse, Budget
from rules.common.testing.hostile import HostileServer, answers, dripping, endless, whole

_OK = b"HTTP/1.1 200 OK\r\n"
# What http.client alone reads for ever, or into all memory.
_UNBOUNDED = (
    "endless interim answers",
    "endless body",
    "endless chunks",
    "endless trailers",
    "dripping head",
    "dripping body",
    "dripping chunks",
    "length of terabytes",
)


class _Connection(http.client.HTTPConnection):
    response_class = BoundedResponse


def _get(name: str, budget: Budget) -> bytes:
    connection = _Connection(name, timeout=5)
    with budget:
        connection.request("GET", "/")
        return connection.getresponse().read()


@pytest.mark.parametrize("answer", _UNBOUNDED)
def test_an_answer_without_an_end(answer: str) -> None:
    """What never ends is an error within the time and size of the budget."""
    begun = time.monotonic()
    with HostileServer(answers("application/json")[answer]) as server, pytest.raises((BadAnswerError, http.client.HTTPException)):
        _get(server.name, Budget(seconds=0.5, size=1 << 20))
    assert time.monotonic() - begun < 3


def test_what_fits_is_read() -> None:
    """An answer within its budget arrives whole, and without a budget there is no limit."""
    with HostileServer(whole(_OK, b"a" * (1 << 20))) as server:
        assert len(_get(server.name, Budget(seconds=5, size=1 << 20))) == 1 << 20
        with pytest.raises(BadAnswerError, match="announced an answer of 1048576 bytes, and the limit is 1048575"):
            _get(server.name, Budget(seconds=5, size=(1 << 20) - 1))
        connection = _Connection(server.name, timeout=5)
        connection.request("GET", "/")
        assert len(connection.getresponse().read()) == 1 << 20


def test_limits_say_what_they_are() -> None:
    """The error says which limit was reached."""
    for answer, budget, words in (
        (endless(_OK + b"\r\n", b"a"), Budget(seconds=5, size=1000), "sent more than 1000 bytes"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Budget(seconds=5, size=None), "without an end of the headers"),
        (dripping(_OK + b"\r\n"), Budget(seconds=0.3, size=None), "did not complete its answer within 0.3 s"),
        (dripping(_OK + b"\r\n"), Budget(seconds=5, size=None, slowest=10_000, window=0.2), "sent only [0-9]+ bytes within 0 s"),
    ):
        with HostileServer(answer) as server, pytest.raises(BadAnswerError, match=words):
            _get(server.name, budget)
