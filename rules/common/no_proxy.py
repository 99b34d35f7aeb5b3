"""NO_PROXY: the hosts that are reached without the environment's proxy, by the rules of Go's programs such as kubectl and crane.

Source: the documentation of httpproxy.Config in golang.org/x/net.
"""

from __future__ import annotations

# typing is not imported for its constant: programs that only need this module start faster without it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ipaddress


def goes_direct(host: str, port: int, exceptions: str) -> bool:
    """Returns whether a host is reached without the environment's proxy, as this machine always is.

    Args:
        host: name or address, without brackets.
        port: TCP port there.
        exceptions: the value of NO_PROXY: names separated by commas, each a host with its subdomains, `.DOMAIN` for the
            subdomains only, an address, a range of addresses, any of them with `:PORT`, or `*`.
    """
    host = host.lower()
    if host == "localhost":
        return True
    address = _address(host)
    if address and address.is_loopback:
        return True
    for entry in filter(None, (entry.strip().lower() for entry in exceptions.split(","))):
        name, _, number = entry.rpartition(":") if entry.count(":") == 1 or "]:" in entry else (entry, "", "")
        if number and number != str(port):
            continue
        domain = name.removeprefix("*")
        if name == "*" or host == domain or (not address and host.endswith("." + domain.lstrip("."))):
            return True
        if address and _is_in(address, name.strip("[]")):
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Returns a host's address; None if it is a name."""
    if ":" not in host and not host[-1:].isdigit():
        return None
    import ipaddress  # most hosts have a name

    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    import ipaddress

    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
