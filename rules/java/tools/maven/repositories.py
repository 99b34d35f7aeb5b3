"""The repositories that this machine asks: addresses after mirrors, with login and proxy."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from rules.java.tools.maven import installation as maven_installation
from rules.java.tools.maven.errors import FetchError
from rules.java.tools.maven.settings import Mirror, Proxy, Server, Settings


@dataclass(frozen=True)
class Repository:
    """A repository as it is asked.

    Attributes:
        id: its id, or the id of the mirror that stands in.
        url: the address, without a slash at its end.
        server: the login; None for none.
        proxy: the proxy on the way; None for none.
    """

    id: str
    url: str
    server: Server | None
    proxy: Proxy | None


def configured(settings: Settings, installation: Path | None) -> list[Repository]:
    """Returns the machine's repositories in the order in which they are asked.

    Args:
        settings: the machine's and the user's settings.
        installation: the folder of the Maven installation; None if there is none.

    Raises:
        FetchError: a mirror blocks a repository, or no repository is known.
    """
    wanted = dict(settings.repositories())
    default = maven_installation.default_repository(installation)
    wanted.setdefault(*default)
    found: dict[str, Repository] = {}
    for name, url in wanted.items():
        mirror = mirror_of(settings.mirrors, name, url)
        if mirror and mirror.blocked:
            raise FetchError(f"repository {name}: mirror {mirror.id} in settings.xml blocks it because its address is plain HTTP. Use HTTPS, or a mirror.")
        used, address = (mirror.id, mirror.url) if mirror else (name, url)
        if not address:
            raise FetchError(
                "Maven is not installed, and ~/.m2/settings.xml has no mirror of central, so no repository is known. "
                "Run ./turnup doctor, or apt-get install maven."
            )
        if used not in found:
            found[used] = Repository(used, address.rstrip("/"), settings.servers.get(used), proxy_for(settings.proxies, address))
    return list(found.values())


def mirror_of(mirrors: list[Mirror], name: str, url: str) -> Mirror | None:
    """Returns the mirror that stands in for a repository: one that names it, otherwise the first with a pattern that fits.

    Args:
        mirrors: in the order of the settings.
        name: the repository's id.
        url: its address; empty if unknown, which counts as another machine's HTTPS.
    """
    exact = [mirror for mirror in mirrors if mirror.pattern == name]
    return next(iter(exact + [mirror for mirror in mirrors if _fits(mirror.pattern, name, url)]), None)


def _fits(pattern: str, name: str, url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    external = parts.scheme != "file" and parts.hostname not in ("localhost", "127.0.0.1")
    fits = False
    for word in (word.strip() for word in pattern.split(",")):
        if word == f"!{name}":
            return False
        if word == name:
            return True
        fits = fits or word == "*" or (external and (word == "external:*" or (word == "external:http:*" and parts.scheme == "http")))
    return fits


def proxy_for(proxies: list[Proxy], url: str) -> Proxy | None:
    """Returns the proxy for an address; HTTPS uses one of protocol http if there is none of its own."""
    parts = urllib.parse.urlsplit(url)
    fitting = [proxy for proxy in proxies if not _excepted(proxy.exceptions, parts.hostname or "")]
    for protocol in [parts.scheme, *(["http"] if parts.scheme == "https" else [])]:
        for proxy in fitting:
            if proxy.protocol == protocol:
                return proxy
    return None


def _excepted(exceptions: str, host: str) -> bool:
    patterns = [word.strip() for word in re.split(r"[|,]", exceptions) if word.strip()]
    return any(re.fullmatch(re.escape(word).replace(r"\*", ".*"), host, re.IGNORECASE) for word in patterns)
