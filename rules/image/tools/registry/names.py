"""Names of registries and repositories."""

from __future__ import annotations

from rules.image.tools.errors import PushError, mask_login

# The names that people write for Docker Hub, the host of its registry, and the address that docker stores its login under.
DOCKER_HUB = ("docker.io", "index.docker.io")
DOCKER_HUB_HOST = "registry-1.docker.io"
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
_HOST_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def split_name(name: str) -> tuple[str, int | None]:
    """Returns host (an IPv6 address without brackets) and port of HOST or HOST:PORT.

    Raises:
        PushError: name is neither; it would change the meaning of a URL or header.
    """
    host, colon, port = name.rpartition(":") if not name.endswith("]") else (name, "", "")
    if not colon:
        host = name
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
    if inner:
        good = all(c in "0123456789abcdefABCDEF:." for c in inner)
    else:
        good = bool(host) and _HOST_LETTERS.issuperset(host) and host[0] not in ".-" and host[-1] not in ".-"
    if colon:
        good = good and port.isascii() and port.isdigit() and int(port) < 65536
    if not good:
        raise PushError(f"registry {mask_login(name)!r:.120}: write HOST or HOST:PORT, without http:// and path")
    return inner or host, int(port) if colon else None


def is_loopback(registry: str) -> bool:
    """Returns whether a registry's HOST[:PORT] names this machine itself."""
    host, _ = split_name(registry)
    if host in ("localhost", "::1"):  # names below .localhost are up to the domain name service
        return True
    numbers = host.split(".")
    return len(numbers) == 4 and numbers[0] == "127" and all(n.isascii() and n.isdigit() and int(n) < 256 for n in numbers)


def is_private(registry: str) -> bool:
    """Returns whether a registry's HOST[:PORT] is this machine or a private address, as the registry in a local cluster is."""
    import ipaddress  # a push to a public registry does not need it

    host, _ = split_name(registry)
    try:
        return is_loopback(registry) or ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def wants_plain_http(registry: str, insecure: bool | None) -> bool:
    """Returns whether to use plain HTTP: as insecure says, and by default only for loopback."""
    return is_loopback(registry) if insecure is None else insecure
