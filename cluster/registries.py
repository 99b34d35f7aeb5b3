"""registries.yaml (the k3s format) and what it means to containerd.

Format: https://docs.k3s.io/installation/private-registry. Read here:
mirrors.HOST.endpoint and configs.HOST.{auth,tls}; anything else is refused,
because a setting that is silently ignored costs an afternoon.
containerd's side: https://github.com/containerd/containerd/blob/main/docs/hosts.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from cluster.errors import ClusterError

__all__ = ["Registries", "RegistryHost", "hosts_toml", "load_registries", "parse_registries"]

_TLS_FIELDS = {"ca_file", "cert_file", "key_file", "insecure_skip_verify"}
_AUTH_FIELDS = {"username", "password", "auth", "identity_token"}


@dataclass(frozen=True)
class RegistryHost:
    """What is known of one registry host: credentials and TLS; {} for none."""

    auth: dict[str, str] = field(default_factory=dict, repr=False)
    tls: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Registries:
    """The content of registries.yaml.

    mirrors: registry host (as image references name it, "*" for all) → URLs to
    try in order. configs: host (of a mirror's URL) → its settings.
    """

    mirrors: dict[str, list[str]] = field(default_factory=dict)
    configs: dict[str, RegistryHost] = field(default_factory=dict)

    def with_plain_http(self, host: str) -> "Registries":
        """These settings plus a registry host spoken to without TLS, unless they name that host already."""
        if host in self.mirrors:
            return self
        return Registries({**self.mirrors, host: [f"http://{host}"]}, self.configs)


def load_registries(path: Path) -> Registries:
    """Reads a file; raises ClusterError naming it and the field that is wrong."""
    try:
        return parse_registries(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}): name a registries.yaml with --registries") from None


def parse_registries(text: str, place: str) -> Registries:
    """Reads the text of a file; place names it in errors."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ClusterError(f"{place} is not YAML: {' '.join(str(error).split())}") from None
    top = _mapping(content, place, {"mirrors", "configs"})
    mirrors = {}
    for host, mirror in _mapping(top.get("mirrors"), f"{place}: mirrors").items():
        where = f"{place}: mirrors.{host}"
        endpoints = _mapping(mirror, where, {"endpoint"}).get("endpoint") or []
        if not isinstance(endpoints, list):
            raise ClusterError(f"{where}.endpoint is {endpoints!r}: write a list of URLs")
        for endpoint in endpoints:
            if not isinstance(endpoint, str) or urlsplit(endpoint).scheme not in ("http", "https"):
                raise ClusterError(f"{where}.endpoint holds {endpoint!r}: write a URL that begins with http:// or https://")
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
    """value as a mapping (None is an empty one) that has no field but the allowed ones."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClusterError(f"{place} is {value!r}: write a mapping of names to values")
    for key in value:
        if allowed is not None and key not in allowed:
            raise ClusterError(f"{place} has the field {key!r}, which nodes cannot follow: write only {', '.join(sorted(allowed))}")
    return value


def hosts_toml(registries: Registries, host: str) -> str:
    """containerd's certs.d/HOST/hosts.toml for one registry host."""
    lines = []
    if host != "*":
        # Asked after every mirror; plain HTTP only if the mirrors say so.
        scheme = "http" if f"http://{host}" in registries.mirrors.get(host, []) else "https"
        lines.append(f"server = {_quoted(f'{scheme}://{host}')}\n")
    for endpoint in registries.mirrors.get(host) or [f"https://{host}"]:
        lines.append(f"\n[host.{_quoted(endpoint)}]\n")
        lines.append('  capabilities = ["pull", "resolve"]\n')
        tls = registries.configs.get(urlsplit(endpoint).netloc, RegistryHost()).tls
        if "ca_file" in tls:
            lines.append(f"  ca = {_quoted(tls['ca_file'])}\n")
        if "cert_file" in tls and "key_file" in tls:
            lines.append(f"  client = [[{_quoted(tls['cert_file'])}, {_quoted(tls['key_file'])}]]\n")
        if tls.get("insecure_skip_verify"):
            lines.append("  skip_verify = true\n")
    return "".join(lines)


def _quoted(value: object) -> str:
    """value as a TOML basic string."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    if not text.isprintable():
        raise ClusterError(f"registries.yaml holds {text!r}, which has control characters: write printable text")
    return f'"{text}"'
