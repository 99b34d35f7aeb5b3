"""Finds the proxy in front of an API server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from rules.common.no_proxy import goes_direct
from rules.k8s.tools.errors import TurnupError


def proxy_of(server: str, wanted: str, environ: Mapping[str, str], place: str) -> str:
    """Returns the URL of the proxy in front of a server, "" for none.

    Args:
        server: the API server's URL.
        wanted: the kubeconfig's proxy-url, which takes precedence over the environment; "" for none.
        environ: contains HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or the same names in lower case.
        place: the kubeconfig, for errors.

    Raises:
        TurnupError: the proxy is not an HTTP proxy.
    """
    url = urlsplit(server)
    source = f"{place}: proxy-url"
    if not wanted:
        name = f"{url.scheme}_proxy".upper()
        wanted, source = _either(environ, name), name
        if not wanted or goes_direct(url.hostname or "", url.port or (443 if url.scheme == "https" else 80), _either(environ, "NO_PROXY")):
            return ""
        if "://" not in wanted:
            wanted = "http://" + wanted
    if not _is_proxy(wanted):
        raise TurnupError(f"{source} is {proxy_name(wanted)!r}, which is not an HTTP proxy. Write a URL with http or https.")
    return wanted


def _is_proxy(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return False


def proxy_name(proxy: str) -> str:
    """Returns a proxy's URL without its credentials."""
    scheme, separator, rest = proxy.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2]


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""
