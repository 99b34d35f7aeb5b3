"""Tests of the entrypoint's command line."""

from pathlib import Path

import pytest

from python.redis import main

VARIABLES = {
    "POD_NAME": "redis-2",
    "POD_NAMESPACE": "dev",
    "POD_IP": "10.0.0.3",
    "NODE_NAME": "node-1",
    "CLUSTER_SIZE": "6",
    "NODES_SERVICE": "redis-nodes",
    "PORT": "6379",
    "STATUS_PORT": "8080",
    "USERS_DIR": "/nonexistent/redis-users",
}


def test_the_manifest_sets_all_options():
    """The variables of the manifest set all mandatory options."""
    options = main.parser(VARIABLES).parse_args([])

    assert options.pod == ("redis", 2)
    assert (options.size, options.port, options.data) == (6, 6379, Path("/data"))
    assert options.users == Path("/nonexistent/redis-users")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("POD_NAME", "redis", "'redis' is not the name of a StatefulSet's pod; use NAME-ORDINAL"),
        ("CLUSTER_SIZE", "5", "'5' is not a valid size; use 6 to 12 pods"),
        ("CLUSTER_SIZE", "six", "'six' is not a valid size"),
        ("PORT", "0", "'0' is not a port"),
    ],
)
def test_bad_settings(variable, value, why, capsys):
    """A wrong setting exits with code 2 and a message that says what is valid."""
    assert main.main([], VARIABLES | {variable: value}) == 2
    assert why in capsys.readouterr().err


def test_no_redis_server(monkeypatch, capsys):
    """Without redis-server the exit code is 1, with one sentence."""
    monkeypatch.setenv("PATH", "/nonexistent")

    assert main.main([], VARIABLES) == 1
    assert capsys.readouterr().err == "ERROR: redis-agent: redis-server is not on PATH; install it\n"


def test_no_passwords(monkeypatch, capsys, tmp_path):
    """Without the Secret the exit code is 1, with one sentence that names it; redis-server does not start without users."""
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main.main([], VARIABLES) == 1
    assert capsys.readouterr().err == (
        "ERROR: redis-agent: /nonexistent/redis-users/agent: the password of user 'agent' can't be read (FileNotFoundError). "
        "Apply the Secret redis-users again.\n"
    )
