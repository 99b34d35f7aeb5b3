"""Tests of registries.yaml and of containerd's files."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.common.errors import ClusterError
from cluster.images import registries
from cluster.images.registries import Registries, cluster_registries, hosts_toml, load_registries, parse_registries, write_registries
from cluster.model.constants import constants
from cluster.model.names import Layout

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
    """The printed form of a configuration, as in a stack trace, has no password."""
    assert "cret" not in repr(parse_registries(_FULL, "file"))


def test_hosts_toml_of_mirrors() -> None:
    """Each endpoint is a host with its own TLS settings; the registry itself is the server, with TLS."""
    assert hosts_toml(parse_registries(_FULL, "file"), "example.com:5000") == (
        'server = "https://example.com:5000"\n'
        '\n[host."http://mirror:5000"]\n  capabilities = ["pull", "resolve"]\n'
        '\n[host."https://other"]\n  capabilities = ["pull", "resolve"]\n'
        '  ca = "/ca"\n  client = [["/crt", "/key"]]\n  skip_verify = true\n'
    )


def test_hosts_toml_of_plain_http() -> None:
    """A host that is its own mirror without TLS is never used with TLS."""
    plain = Registries().with_plain_http("172.19.0.2:31000")

    assert hosts_toml(plain, "172.19.0.2:31000").startswith('server = "http://172.19.0.2:31000"\n')
    assert "https" not in hosts_toml(plain, "172.19.0.2:31000")


def test_hosts_toml_of_all() -> None:
    """The wildcard has no server, because each image names its own."""
    assert "server" not in hosts_toml(parse_registries(_FULL, "file"), "*")


def test_plain_http_keeps_what_the_user_wrote() -> None:
    """The cluster's own registry is added only if the file does not have it."""
    mine = Registries(mirrors={"host:1": ["https://mine"]})

    assert mine.with_plain_http("host:1") == mine
    assert mine.with_plain_http("host:2").mirrors["host:2"] == ["http://host:2"]


@pytest.mark.parametrize("text", ["", "mirrors:\n", "{}"])
def test_empty_files(text: str) -> None:
    """A file may be empty."""
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
    """An unsupported setting is refused, and the error names the file and the field."""
    with pytest.raises(ClusterError) as error:
        parse_registries(text, "file")

    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_absent_file(tmp_path: Path) -> None:
    """The error for a missing file has its name and the option for another."""
    with pytest.raises(ClusterError, match="absent.yaml.*--registries"):
        load_registries(tmp_path / "absent.yaml")


def test_control_characters() -> None:
    """A value can't start a new line in containerd's file."""
    with pytest.raises(ClusterError, match="control characters"):
        hosts_toml(Registries(mirrors={"h": ["http://a\nb"]}), "h")


def _layout(subnet: str) -> Layout:
    return Layout("a", ipaddress.IPv4Network(subnet), 2, "0" * 8)


def test_own_registry_follows_the_constants() -> None:
    """Without a file of the user, nodes know the registry on node 1, where cluster_constants.bzl has it, as plain HTTP."""
    defaults = constants(environment={})
    registry = f"{ipaddress.IPv4Network(defaults.subnet)[2]}:{defaults.registry_port}"

    assert cluster_registries(_layout(defaults.subnet), None) == Registries({registry: [f"http://{registry}"]})


def test_own_registry_follows_subnet_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster with another subnet, or a repository with another port, has its registry there."""
    monkeypatch.setattr(registries, "constants", lambda: SimpleNamespace(registry_port=31007))

    assert cluster_registries(_layout("172.20.0.0/24"), None).mirrors == {"172.20.0.2:31007": ["http://172.20.0.2:31007"]}


def test_users_file_is_added(tmp_path: Path) -> None:
    """A user's own file keeps its settings, and the cluster's registry is added to them."""
    (tmp_path / "mine.yaml").write_text(_FULL)
    found = cluster_registries(_layout("10.0.0.0/24"), tmp_path / "mine.yaml")

    assert set(found.mirrors) == {"example.com:5000", "*", f"10.0.0.2:{constants(environment={}).registry_port}"}
    assert found.configs == parse_registries(_FULL, "file").configs


@pytest.mark.parametrize("text", ["", _FULL, "configs: {h: {tls: {ca_file: /ca}}, i: {auth: {auth: x}}, j: {}}"])
def test_written_file_can_be_read(text: str, tmp_path: Path) -> None:
    """What is written for the nodes has every setting, and only its owner can read it."""
    path = tmp_path / "registries.yaml"
    write_registries(path, parse_registries(text, "file"))

    assert load_registries(path) == parse_registries(text, "file")
    assert path.stat().st_mode & 0o777 == 0o600
