"""Tests of the entrypoint's command line."""

from pathlib import Path

import pytest

from python.redis import main

ENV = {
    "POD_NAME": "redis-2",
    "POD_NAMESPACE": "dev",
    "POD_IP": "10.0.0.3",
    "NODE_NAME": "node-1",
    "CLUSTER_SIZE": "6",
    "NODES_SERVICE": "redis-nodes",
    "PORT": "6379",
    "STATUS_PORT": "8080",
}


def test_the_manifest_sets_all():
    """The downward API's variables are enough to start."""
    options = main.parser(ENV).parse_args([])

    assert options.pod == ("redis", 2)
    assert (options.size, options.port, options.data) == (6, 6379, Path("/data"))


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("POD_NAME", "redis", "a pod's name ends in its number, got 'redis'"),
        ("CLUSTER_SIZE", "5", "a cluster has 6 to 12 pods"),
        ("CLUSTER_SIZE", "six", "got 'six'"),
        ("PORT", "0", "a port is a number"),
    ],
)
def test_bad_settings(variable, value, why, capsys):
    """Exit code 2 and one message that says what is valid."""
    assert main.main([], ENV | {variable: value}) == 2
    assert why in capsys.readouterr().err


def test_no_redis_server(monkeypatch, capsys):
    """Without the program there is one sentence and exit code 1."""
    monkeypatch.setenv("PATH", "/nonexistent")

    assert main.main([], ENV) == 1
    assert capsys.readouterr().err == "ERROR: redis-agent: there is no redis-server on PATH\n"
