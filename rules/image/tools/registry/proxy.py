"""The proxy for TLS connections to registries, from HTTPS_PROXY and NO_PROXY.

Whole TLS connections go through it (CONNECT), so it sees no login and no image. Connections to this machine never use it.
"""

from __future__ import annotations

import os
import urllib.parse
from typing import NamedTuple

from rules.common.no_proxy import goes_direct
from rules.image.tools.errors import PushError


class Proxy(NamedTuple):
    """A proxy's host and port, and the value of Proxy-Authorization, empty for none."""

    host: str
    port: int
    authorization: str


def find(host: str, port: int) -> Proxy | None:
    """Returns the proxy for TLS to a host; None for a direct connection.

    Args:
        host: name or address, without brackets.
        port: TCP port there.

    Raises:
        PushError: HTTPS_PROXY is not the address of a proxy; the error does not show it, because it may contain a password.
    """
    value = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    if not value or goes_direct(host, port, os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""):
        return None
    try:
        parts = urllib.parse.urlsplit(value if "://" in value else f"http://{value}")
        found, at = parts.hostname, parts.port or 80
    except ValueError:  # half an IPv6 address, or a port that is not a number
        found = None
    if not found or parts.scheme != "http":
        raise PushError(f"HTTPS_PROXY is not the address of a proxy; to reach {host}, write http://HOST:PORT, or name {host} in NO_PROXY")
    authorization = ""
    if parts.username is not None:
        import base64  # few proxies want a login

        login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(login.encode()).decode()
    return Proxy(found, at, authorization)
