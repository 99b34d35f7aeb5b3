"""Opens sockets to registries: TCP, TLS on top of it, and both through the proxy that HTTPS_PROXY names.

The C half of `socket` is enough for plain HTTP; the Python half spends 6 ms on enumerations. TLS loads it with `ssl`.
"""

from __future__ import annotations

import _socket
import os
import struct
import time

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from ssl import SSLContext

    from rules.image.tools.registry.proxy import Proxy

CONNECT_TIMEOUT = 5.0
_HEAD_LIMIT = 1 << 16
_tls_context: tuple[tuple[str | None, str | None], SSLContext] | None = None


class BadAnswer(OSError):
    """The answer is not HTTP, is too long, or ended in the middle."""


def connect(host: str, port: int, plain: bool, timeout: float) -> _socket.socket:
    """Returns a connection to the first of the host's addresses that accepts one.

    Args:
        host: name or address, without brackets.
        port: TCP port.
        plain: False for TLS, which goes through the environment's proxy if it names one for the host.
        timeout: seconds without a byte, after which the connection's operations fail.

    Raises:
        OSError: no address accepts a connection, or TLS fails.
        PushError: HTTPS_PROXY is not the address of a proxy.
    """
    proxy = None if plain else _find_proxy(host, port)
    if proxy is None:
        return _connect(host, port, host, port, plain, timeout, None)
    try:
        return _connect(proxy.host, proxy.port, host, port, plain, timeout, proxy)
    except OSError as error:
        if isinstance(error, BadAnswer) or type(error).__module__ == "ssl":
            raise  # the first names the proxy already, the second is about the registry behind it
        raise OSError(f"the proxy {proxy.host}:{proxy.port} that HTTPS_PROXY names: {error.strerror or error}") from None


def set_timeout(connection: _socket.socket, seconds: float) -> None:
    """Limits how long the kernel waits for the other side; the socket stays a blocking one, as os.sendfile requires."""
    timeval = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, timeval)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, timeval)


def speaks_tls(host: str, port: int) -> bool:
    """Returns whether a server speaks TLS, whatever its certificate says: nothing is sent through the connection."""
    import socket  # only TLS needs it
    import ssl  # 15 ms, and only TLS needs it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT) as connection, context.wrap_socket(connection, server_hostname=host):
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error)  # the server wants another version or a client certificate
    except (OSError, ValueError):
        return False


def _connect(address: str, address_port: int, host: str, port: int, plain: bool, timeout: float, proxy: Proxy | None) -> _socket.socket:
    """Connects to an address, and from there to host and port if the address is a proxy's."""
    last: OSError | None = None
    # As bytes: a str would go through the codec for international names, which takes 3 ms to load.
    for family, kind, protocol, _, found in _socket.getaddrinfo(address.encode(), address_port, 0, _socket.SOCK_STREAM):
        connection = _socket.socket(family, kind, protocol)
        try:
            set_timeout(connection, min(CONNECT_TIMEOUT, timeout))
            connection.connect(found)
            connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            set_timeout(connection, timeout)
            if proxy:
                _tunnel(connection, host, port, proxy, timeout)
            return connection if plain else _with_tls(connection, host, timeout)
        except BlockingIOError:
            last = TimeoutError(f"no connection within {min(CONNECT_TIMEOUT, timeout):.0f} s")
        except OSError as error:
            last = error
        connection.close()
    raise last or OSError("its name has no address")


def _find_proxy(host: str, port: int) -> Proxy | None:
    """Returns the proxy for TLS to a host; see proxy.find."""
    if not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        return None
    from rules.image.tools.registry import proxy as proxies  # few machines have a proxy

    return proxies.find(host, port)


def _tunnel(connection: _socket.socket, host: str, port: int, proxy: Proxy, timeout: float) -> None:
    """Makes a proxy connect to a host (RFC 9110, section 9.3.6)."""
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    connection.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n{login}\r\n".encode("ascii"))
    head, deadline = b"", time.monotonic() + timeout
    while b"\r\n\r\n" not in head:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {timeout:.0f} s")
        data = connection.recv(1 << 12)
        if not data or len(head) > _HEAD_LIMIT:
            raise BadAnswer(f"the proxy {proxy.host}:{proxy.port} did not answer in HTTP")
        head += data
    if not head.startswith(b"HTTP/1.") or head[9:12] != b"200":
        raise BadAnswer(f"the proxy {proxy.host}:{proxy.port} answered {head[9:12].decode('latin-1')}")


def _with_tls(connection: _socket.socket, host: str, timeout: float) -> _socket.socket:
    """Returns the TLS side of an open connection, its certificate checked against the machine's authorities and host."""
    import socket  # only TLS needs it

    wrapped = socket.socket(fileno=connection.detach())
    wrapped.settimeout(timeout)  # the ssl module ignores the kernel's timeout
    try:
        return _context().wrap_socket(wrapped, server_hostname=host)
    except BaseException:
        wrapped.close()
        raise


def _context() -> SSLContext:
    """Returns the TLS settings; SSL_CERT_FILE and SSL_CERT_DIR name other authorities than the machine's."""
    import ssl  # 15 ms, and only TLS needs it

    global _tls_context  # noqa: PLW0603 (reading the authorities takes 20 ms, so all connections share them)
    trusted = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    if _tls_context is None or _tls_context[0] != trusted:
        _tls_context = (trusted, ssl.create_default_context())
    return _tls_context[1]
