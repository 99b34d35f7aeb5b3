"""The registries that nodes know: registries.yaml in the k3s format, and what containerd makes of it.

Format: https://docs.k3s.io/installation/private-registry. Supported are mirrors.HOST.endpoint and configs.HOST.{auth,tls}.
Any other field is an error, because users lose hours over a setting that is silently ignored.
containerd's side: https://github.com/containerd/containerd/blob/main/docs/hosts.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from cluster.common.errors import ClusterError
from cluster.common.files import write_atomically
from cluster.model.constants import constants
from cluster.model.names import Layout

__all__ = ["Registries", "RegistryHost", "cluster_registries", "hosts_toml", "load_registries", "parse_registries", "write_registries"]

_TLS_FIELDS = {"ca_file", "cert_file", "key_file", "insecure_skip_verify"}
_AUTH_FIELDS = {"username", "password", "auth", "identity_token"}


@dataclass(frozen=True)
class RegistryHost:
    """The settings of one registry host.

    Attributes:
        auth: its credentials; {} for none.
        tls: its TLS settings; {} for the defaults.
    """

    auth: dict[str, str] = field(default_factory=dict, repr=False)
    tls: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Registries:
    """The content of a registries.yaml.

    Attributes:
        mirrors: registry host, as in image references, or "*" for all → the URLs to try, in order.
        configs: host, as in a mirror's URL → its settings.
    """

    mirrors: dict[str, list[str]] = field(default_factory=dict)
    configs: dict[str, RegistryHost] = field(default_factory=dict)

    def with_plain_http(self, host: str) -> Registries:
        """Returns these settings plus a registry host without TLS, unless they have that host already."""
        if host in self.mirrors:
            return self
        return Registries({**self.mirrors, host: [f"http://{host}"]}, self.configs)


def cluster_registries(layout: Layout, own: Path | None) -> Registries:
    """Returns what a cluster's nodes know: the cluster's own registry, and the user's.

    The cluster's registry is at the port of cluster_constants.bzl on node 1. It has no certificate, and without an entry
    nodes would use TLS.

    Args:
        layout: the cluster's addresses.
        own: the user's registries.yaml; None for none.

    Raises:
        ClusterError: the user's file can't be read or has a wrong field.
    """
    registries = load_registries(own) if own else Registries()
    return registries.with_plain_http(f"{layout.address(1)}:{constants().registry_port}")


def load_registries(path: Path) -> Registries:
    """Reads a registries.yaml.

    Raises:
        ClusterError: the file can't be read or has a wrong field.
    """
    try:
        return parse_registries(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); name a registries.yaml with --registries") from None


def write_registries(path: Path, registries: Registries) -> None:
    """Writes a registries.yaml that only its owner can read, because it may have passwords."""
    mirrors = {host: {"endpoint": list(endpoints)} for host, endpoints in registries.mirrors.items()}
    parts = {host: {"auth": dict(config.auth), "tls": dict(config.tls)} for host, config in registries.configs.items()}
    configs = {host: {name: part for name, part in config.items() if part} for host, config in parts.items()}
    content = {name: value for name, value in (("mirrors", mirrors), ("configs", configs)) if value}
    write_atomically(path, "# Generated when the cluster was created; k3s format.\n" + yaml.safe_dump(content, sort_keys=False))


def parse_registries(text: str, place: str) -> Registries:
    """Parses a registries.yaml.

    Args:
        text: the file's content.
        place: what to call the file in errors.

    Raises:
        ClusterError: the text is not YAML or has a wrong field.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ClusterError(f"{place} is not YAML ({' '.join(str(error).split())}); correct it, for example 'mirrors: {{HOST: {{endpoint: [URL]}}}}'") from None
    top = _mapping(content, place, {"mirrors", "configs"})
    mirrors = {}
    for host, mirror in _mapping(top.get("mirrors"), f"{place}: mirrors").items():
        where = f"{place}: mirrors.{host}"
        endpoints = _mapping(mirror, where, {"endpoint"}).get("endpoint") or []
        if not isinstance(endpoints, list):
            raise ClusterError(f"{where}.endpoint is {endpoints!r}; write a list of URLs")
        for endpoint in endpoints:
            if not isinstance(endpoint, str) or urlsplit(endpoint).scheme not in ("http", "https"):
                raise ClusterError(f"{where}.endpoint has {endpoint!r}; write a URL that begins with http:// or https://")
        mirrors[str(host)] = list(endpoints)
    configs = {}
    for host, config in _mapping(top.get("configs"), f"{place}: configs").items():
        where = f"{place}: configs.{host}"
        parts = _mapping(config, where, {"auth", "tls"})
        configs[str(host)] = RegistryHost(
            auth={name: str(value) for name, value in _mapping(parts.get("auth"), f"{where}.auth", _AUTH_FIELDS).items()},
            tls=_mapping(parts.get("tls"), f"{where}.tls", _TLS_FIELDS),
        )
    return Registries(mirrors, configs)


def _mapping(value: object, place: str, allowed: set[str] | None = None) -> dict[str, object]:
    """Returns a value as a mapping; None is an empty one.

    Args:
        value: the value.
        place: what to call it in errors.
        allowed: the fields that it may have; None for any.

    Raises:
        ClusterError: it is not a mapping, or has another field.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClusterError(f"{place} is {value!r}; write a mapping of names to values")
    for key in value:
        if allowed is not None and key not in allowed:
            raise ClusterError(f"{place} has the unsupported field {key!r}; write only {', '.join(sorted(allowed))}")
    return value


def hosts_toml(registries: Registries, host: str) -> str:
    """Returns containerd's certs.d/HOST/hosts.toml for one registry host.

    Raises:
        ClusterError: a value has control characters.
    """
    lines = []
    if host != "*":
        # containerd tries the server itself after the mirrors; without TLS only if a mirror says so.
        scheme = "http" if f"http://{host}" in registries.mirrors.get(host, []) else "https"
        lines.append(f"server = {_toml_string(f'{scheme}://{host}')}\n")
    for endpoint in registries.mirrors.get(host) or [f"https://{host}"]:
        lines.append(f"\n[host.{_toml_string(endpoint)}]\n")
        lines.append('  capabilities = ["pull", "resolve"]\n')
        tls = registries.configs.get(urlsplit(endpoint).netloc, RegistryHost()).tls
        if "ca_file" in tls:
            lines.append(f"  ca = {_toml_string(tls['ca_file'])}\n")
        if "cert_file" in tls and "key_file" in tls:
            lines.append(f"  client = [[{_toml_string(tls['cert_file'])}, {_toml_string(tls['key_file'])}]]\n")
        if tls.get("insecure_skip_verify"):
            lines.append("  skip_verify = true\n")
    return "".join(lines)


def _toml_string(value: object) -> str:
    """Returns a value as a TOML basic string."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    if not text.isprintable():
        raise ClusterError(f"registries.yaml has {text!r}, which contains control characters; write printable text")
    return f'"{text}"'
