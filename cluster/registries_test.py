"""Tests of registries.yaml and what becomes of it."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from cluster.constants import constants
from cluster.errors import ClusterError
from cluster.registries import Registries, hosts_toml, load_registries, parse_registries

_FULL = """
mirrors:
  example.com:5000:
    endpoint: ["http://mirror:5000", "https://other"]
  "*":
    endpoint: ["https://all"]
configs:
  other:
    auth: {username: me, password: 'se"cret'}
    tls: {ca_file: /ca, cert_file: /crt, key_file: /key, insecure_skip_verify: true}
"""


def test_full_file() -> None:
    """Mirrors keep their order, and each part of a config is read."""
    found = parse_registries(_FULL, "file")

    assert found.mirrors["example.com:5000"] == ["http://mirror:5000", "https://other"]
    assert found.configs["other"].auth == {"username": "me", "password": 'se"cret'}
    assert found.configs["other"].tls["ca_file"] == "/ca"


def test_password_is_not_shown() -> None:
    """A printed configuration, as in a traceback or log, holds no password."""
    assert "cret" not in repr(parse_registries(_FULL, "file"))


def test_hosts_toml_of_mirrors() -> None:
    """Each endpoint is a host with its own TLS settings; the host itself comes last, with TLS."""
    assert hosts_toml(parse_registries(_FULL, "file"), "example.com:5000") == (
        'server = "https://example.com:5000"\n'
        '\n[host."http://mirror:5000"]\n  capabilities = ["pull", "resolve"]\n'
        '\n[host."https://other"]\n  capabilities = ["pull", "resolve"]\n'
        '  ca = "/ca"\n  client = [["/crt", "/key"]]\n  skip_verify = true\n'
    )


def test_hosts_toml_of_plain_http() -> None:
    """A host that is its own plain-HTTP mirror is never asked for TLS."""
    registries = Registries().with_plain_http("172.19.0.2:31000")

    assert hosts_toml(registries, "172.19.0.2:31000").startswith('server = "http://172.19.0.2:31000"\n')
    assert "https" not in hosts_toml(registries, "172.19.0.2:31000")


def test_hosts_toml_of_all() -> None:
    """The wildcard has no server of its own: each image names it."""
    assert "server" not in hosts_toml(parse_registries(_FULL, "file"), "*")


def test_plain_http_keeps_what_the_user_wrote() -> None:
    """The cluster's own registry is added only where the file does not name it."""
    mine = Registries(mirrors={"host:1": ["https://mine"]})

    assert mine.with_plain_http("host:1") == mine
    assert mine.with_plain_http("host:2").mirrors["host:2"] == ["http://host:2"]


@pytest.mark.parametrize("text", ["", "mirrors:\n", "{}"])
def test_empty_files(text: str) -> None:
    """A file may say nothing."""
    assert parse_registries(text, "file") == Registries()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mirrors: [", "file is not YAML"),
        ("- a", "file is"),
        ("mirror: {}", "'mirror'"),
        ("mirrors: {h: {endpoint: http://x}}", "mirrors.h.endpoint"),
        ("mirrors: {h: {endpoint: [x]}}", "http://"),
        ("mirrors: {h: {rewrite: {a: b}}}", "'rewrite'"),
        ("configs: {h: {auth: {user: x}}}", "configs.h.auth"),
        ("configs: {h: {tls: 3}}", "configs.h.tls is 3"),
    ],
)
def test_wrong_files(text: str, words: str) -> None:
    """What nodes could not follow is refused, naming file and field."""
    with pytest.raises(ClusterError) as error:
        parse_registries(text, "file")

    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_absent_file(tmp_path: Path) -> None:
    """A file that is not there is named, with the option that names another."""
    with pytest.raises(ClusterError, match="absent.yaml.*--registries"):
        load_registries(tmp_path / "absent.yaml")


def test_control_characters() -> None:
    """A value cannot break out of its line in containerd's file."""
    with pytest.raises(ClusterError, match="control characters"):
        hosts_toml(Registries(mirrors={"h": ["http://a\nb"]}), "h")


def test_our_own_file() -> None:
    """The file that ships names node 1's registry, where cluster_constants.bzl has it, as plain HTTP."""
    ours = load_registries(Path(__file__).resolve().parent / "registries.yaml")
    defaults = constants(environment={})
    registry = f"{ipaddress.IPv4Network(defaults.subnet)[2]}:{defaults.registry_port}"

    assert ours.mirrors == {registry: [f"http://{registry}"]}
