"""Tests of the HTTP endpoint for probes."""

import http.client
import json

import pytest

from python.common.health_http import HealthEndpoint


def _broken():
    raise OSError("the disk is gone")


@pytest.fixture
def get():
    """Serves one check of each kind and returns a function that requests a path."""
    checks = {
        "/yes": lambda: (True, "fine"),
        "/no": lambda: (False, "not yet"),
        "/data": lambda: (True, {"n": 1}),
        "/broken": _broken,
    }
    endpoint = HealthEndpoint("127.0.0.1", 0, checks)
    endpoint.start()

    def ask(path):
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
        connection.request("GET", path)
        reply = connection.getresponse()
        answer = reply.status, reply.read().decode()
        connection.close()
        return answer

    yield ask
    endpoint.close()


def test_healthy_is_200(get):
    """The response of a healthy check is 200 with its detail."""
    assert get("/yes") == (200, "fine\n")


def test_unhealthy_is_503(get):
    """The response of an unhealthy check is 503 with its detail."""
    assert get("/no") == (503, "not yet\n")


def test_other_details_are_json(get):
    """A detail that is not a string is sent as JSON."""
    status, body = get("/data")

    assert (status, json.loads(body)) == (200, {"n": 1})


def test_a_check_that_raises_is_unhealthy(get):
    """An exception becomes 503 with its text, and the endpoint continues."""
    assert get("/broken") == (503, "OSError: the disk is gone\n")
    assert get("/yes")[0] == 200


def test_an_unknown_path_lists_the_known_ones(get):
    """The response for an unknown path is 404 with the known paths."""
    assert get("/nope") == (404, "unknown path; use one of /broken /data /no /yes\n")


def test_a_port_in_use_is_an_os_error():
    """A second endpoint on the same port raises OSError."""
    first = HealthEndpoint("127.0.0.1", 0, {})
    with pytest.raises(OSError, match="in use"):
        HealthEndpoint("127.0.0.1", first.port, {})
    first.close()
