"""Maven's settings.xml: mirrors, logins, proxies and repositories, read as mvn reads them.

Sources: the settings reference of Maven, and the merge order of its two files: a user's entry wins over the installation's entry
of the same id, and the installation's other entries come first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from rules.common.caches import home_dir
from rules.java.tools.maven.errors import InputError


@dataclass(frozen=True)
class Mirror:
    """Stands in for repositories: its id, its address, the pattern of repositories, and whether it only blocks them."""

    id: str
    url: str
    pattern: str
    blocked: bool


@dataclass(frozen=True)
class Server:
    """The login of the repository or mirror with an id.

    Attributes:
        id: the id.
        username: the user; empty for none.
        password: the password; empty for none.
        headers: HTTP headers to send, such as a token's.
    """

    id: str
    username: str = ""
    password: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Proxy:
    """A proxy for one protocol.

    Attributes:
        id: the id.
        protocol: `http` or `https`.
        host: the proxy's name or address.
        port: its TCP port.
        username: the user; empty for none.
        password: the password; empty for none.
        exceptions: hosts that are reached directly, separated by `|`; `*` stands for any characters.
    """

    id: str
    protocol: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    exceptions: str


@dataclass(frozen=True)
class Profile:
    """Repositories that are on or off together: the profile's id, whether it is on by default, and (id, address) of each."""

    id: str
    by_default: bool
    repositories: tuple[tuple[str, str], ...]


@dataclass
class Settings:
    """What the settings files of a machine and its user say together.

    Attributes:
        mirrors: in the order in which Maven asks them.
        servers: logins by id.
        proxies: the active ones, in order.
        profiles: by id.
        active_profiles: ids of profiles that are on.
        local_repository: Maven's own cache.
        offline: whether Maven may not use the network.
    """

    mirrors: list[Mirror]
    servers: dict[str, Server]
    proxies: list[Proxy]
    profiles: dict[str, Profile]
    active_profiles: list[str]
    local_repository: Path
    offline: bool

    def repositories(self) -> list[tuple[str, str]]:
        """Returns (id, address) of the repositories of all profiles that are on."""
        active = [self.profiles[name] for name in self.active_profiles if name in self.profiles]
        chosen = active or [profile for profile in self.profiles.values() if profile.by_default]
        return [one for profile in chosen for one in profile.repositories]


def user_settings(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the path of the user's settings.xml, which may not exist."""
    return home_dir(environ) / ".m2" / "settings.xml"


def read(installation: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings of the Maven installation and of the user.

    Args:
        installation: the folder of the Maven installation; None if the machine has none.
        environ: the environment variables, which settings may quote as ${env.NAME}.

    Raises:
        InputError: a file is not XML, or a value cannot be used.
    """
    home = home_dir(environ)
    merged = Settings([], {}, [], {}, [], home / ".m2" / "repository", False)
    for path in [user_settings(environ), *([installation / "conf" / "settings.xml"] if installation else [])]:
        one = _read_file(path, home, environ)
        if one:
            _merge(merged, one)
    return merged


def has_encrypted(settings: Settings) -> bool:
    """Returns whether a password is encrypted as `mvn --encrypt-password` does it: in braces."""
    passwords = [*(one.password for one in settings.servers.values()), *(one.password for one in settings.proxies)]
    return any(re.search(r"(?<!\\)\{.+(?<!\\)\}", password) for password in passwords)


def decrypted(settings: Settings, passwords: Mapping[tuple[str, str], str]) -> Settings:
    """Returns settings with other passwords.

    Args:
        settings: what the files say.
        passwords: the passwords by kind, `server` or `proxy`, and id.
    """
    return replace(
        settings,
        servers={name: replace(one, password=passwords.get(("server", name), one.password)) for name, one in settings.servers.items()},
        proxies=[replace(one, password=passwords.get(("proxy", one.id), one.password)) for one in settings.proxies],
    )


def _merge(dominant: Settings, other: Settings) -> None:
    """Adds what another file says, without changing what is there."""
    ids = {mirror.id for mirror in dominant.mirrors}
    dominant.mirrors[:0] = [mirror for mirror in other.mirrors if mirror.id not in ids]
    proxies = {proxy.id for proxy in dominant.proxies}
    dominant.proxies[:0] = [proxy for proxy in other.proxies if proxy.id not in proxies]
    for name, server in other.servers.items():
        dominant.servers.setdefault(name, server)
    for name, profile in other.profiles.items():
        dominant.profiles.setdefault(name, profile)
    dominant.active_profiles += [name for name in other.active_profiles if name not in dominant.active_profiles]
    dominant.offline = dominant.offline or other.offline
    if dominant.local_repository.name == "repository" and dominant.local_repository.parent.name == ".m2":
        dominant.local_repository = other.local_repository


class _Reader:
    """Reads texts of one file, without namespaces and with variables replaced."""

    def __init__(self, path: Path, home: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self._values = {"user.home": str(home), **{f"env.{name}": value for name, value in environ.items()}}

    def text(self, element: ElementTree.Element, name: str) -> str:
        """Returns the text of a child, with ${…} replaced; empty if there is none. An unknown variable stays as it is."""
        raw = (element.findtext(f"{{*}}{name}") or "").strip()
        return re.sub(r"\$\{([^}]+)\}", lambda match: self._values.get(match[1], match[0]), raw)

    def all(self, root: ElementTree.Element, path: str) -> Iterator[ElementTree.Element]:
        """Yields the elements at a path of names."""
        yield from root.iterfind("/".join(f"{{*}}{name}" for name in path.split("/")))

    def port(self, element: ElementTree.Element) -> int:
        """Returns the port of a proxy; 8080 if it has none.

        Raises:
            InputError: it is not a port.
        """
        text = self.text(element, "port") or "8080"
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise InputError(f'{self.path}: the port of a proxy is "{text}", which is not a number from 1 to 65535. Correct it.')
        return int(text)


def _read_file(path: Path, home: Path, environ: Mapping[str, str]) -> Settings | None:
    try:
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314  # the user's own settings, which mvn trusts, too
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise InputError(f"{path}: this user may not read the file. Change its permissions.") from error
    except ElementTree.ParseError as error:
        raise InputError(f"{path}:{error.position[0]}: the file is not XML ({error}). Correct it; mvn cannot read it either.") from error
    reader = _Reader(path, home, environ)
    text, each = reader.text, reader.all
    return Settings(
        mirrors=[Mirror(text(m, "id") or "default", text(m, "url"), text(m, "mirrorOf"), text(m, "blocked") == "true") for m in each(root, "mirrors/mirror")],
        servers={text(s, "id"): _server(reader, s) for s in each(root, "servers/server")},
        proxies=[
            Proxy(
                text(p, "id") or "default",
                (text(p, "protocol") or "http").lower(),
                text(p, "host"),
                reader.port(p),
                text(p, "username"),
                text(p, "password"),
                text(p, "nonProxyHosts"),
            )
            for p in each(root, "proxies/proxy")
            if text(p, "active") != "false"
        ],
        profiles={text(p, "id"): _profile(reader, p) for p in each(root, "profiles/profile")},
        active_profiles=[(name.text or "").strip() for name in each(root, "activeProfiles/activeProfile")],
        local_repository=Path(text(root, "localRepository") or home / ".m2" / "repository"),
        offline=text(root, "offline") == "true",
    )


def _server(reader: _Reader, element: ElementTree.Element) -> Server:
    headers = tuple((reader.text(one, "name"), reader.text(one, "value")) for one in reader.all(element, "configuration/httpHeaders/property"))
    return Server(reader.text(element, "id"), reader.text(element, "username"), reader.text(element, "password"), headers)


def _profile(reader: _Reader, element: ElementTree.Element) -> Profile:
    by_default = any((one.text or "").strip() == "true" for one in reader.all(element, "activation/activeByDefault"))
    found = tuple(
        (reader.text(one, "id"), reader.text(one, "url"))
        for one in reader.all(element, "repositories/repository")
        if not any((enabled.text or "").strip() == "false" for enabled in reader.all(one, "releases/enabled"))
    )
    return Profile(reader.text(element, "id"), by_default, found)
