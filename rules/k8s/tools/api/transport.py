"""Connections to an API server: TLS, proxies, keep-alive, and name resolution with a deadline."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from rules.common.bounded_http import BadAnswerError, BoundedResponse
from rules.k8s.tools.cleanup import private_folder
from rules.k8s.tools.errors import TurnupError

if TYPE_CHECKING:
    from rules.k8s.tools.kubeconfig.exec_plugin import Credentials
    from rules.k8s.tools.kubeconfig.kubeconfig import Connection

Pool = urllib3.HTTPConnectionPool | urllib3.ProxyManager

NO_ANSWER = "no answer from DNS"
"""The reason in the error message if no DNS server answers."""

# What libraries call a failure, and what it is called here; others are named in lower case.
_WORDS = {
    NO_ANSWER: NO_ANSWER,
    "IncompleteRead": "it closed the connection in the middle of an answer",
    "BadStatusLine": "it answers with something that is not HTTP",
}

# The system resolver, with several servers, waits longer than a run should.
_RESOLVE_SECONDS = 4.0

# A followed log may be silent for hours. Only keep-alive packets reveal that its server is gone. Not every system has all options.
_KEEP_ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]


class _Named(HTTPConnection):
    """An HTTP connection that resolves its host name within a deadline, which getaddrinfo does not support, and with bounded answers."""

    response_class = BoundedResponse

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = _resolve(name, self.port)
        except OSError as error:
            raise NameResolutionError(self.host, self, socket.gaierror(*error.args)) from error
        try:
            for address in addresses[:-1]:
                self._dns_host = address
                with contextlib.suppress(NewConnectionError, ConnectTimeoutError):
                    return super()._new_conn()
            self._dns_host = addresses[-1]
            return super()._new_conn()
        finally:
            self._dns_host = name  # The certificate is checked against the name.


class _NamedTls(_Named, HTTPSConnection):
    """The same connection with TLS."""


class _Plain(urllib3.HTTPConnectionPool):
    """A pool of plain HTTP connections."""

    ConnectionCls = _Named


class _Tls(urllib3.HTTPSConnectionPool):
    """A pool of TLS connections."""

    ConnectionCls = _NamedTls


def _resolve(name: str, port: int | None) -> list[str]:
    """Returns the addresses of a host.

    Raises:
        OSError: the host has no address, or no DNS server answers in time.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(name.strip("[]")))]
    found: list[str] = []
    failures: list[OSError] = []

    def resolve() -> None:
        try:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)))
        except UnicodeError:
            failures.append(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        except OSError as error:
            failures.append(error)

    # getaddrinfo cannot be interrupted. A daemon thread does not keep the process from exiting.
    resolver = threading.Thread(target=resolve, daemon=True)
    resolver.start()
    resolver.join(_RESOLVE_SECONDS)
    if failures:
        raise failures[0]
    if not found:
        raise socket.gaierror(socket.EAI_AGAIN, NO_ANSWER)
    return found


def create_pool(connection: Connection, tls: ssl.SSLContext | None, **options: Any) -> Pool:
    """Returns a pool of connections to an API server.

    Args:
        connection: the connection settings of a kubeconfig.
        tls: the TLS settings, see `create_tls_context`; None for plain HTTP.
        **options: options of urllib3's pools.
    """
    url = urlsplit(connection.server)
    options["socket_options"] = [*HTTPConnection.default_socket_options, *_KEEP_ALIVE]
    if tls:
        options |= {"ssl_context": tls, "assert_hostname": None if connection.verify else False}
        if connection.server_name:
            options |= {"server_hostname": connection.server_name, "assert_hostname": connection.server_name}
    if connection.proxy:
        login = urllib3.util.parse_url(connection.proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
        manager = urllib3.ProxyManager(connection.proxy, proxy_headers=headers, **options)
        manager.pool_classes_by_scheme = {"http": _Plain, "https": _Tls}
        return manager
    host = url.hostname or ""  # Client has checked that there is one.
    return _Tls(host, url.port or 443, **options) if tls else _Plain(host, url.port or 80, **options)


def create_tls_context(connection: Connection, credentials: Credentials | None) -> ssl.SSLContext:
    """Returns the TLS settings of a connection.

    Args:
        connection: the connection settings of a kubeconfig.
        credentials: the credentials of its exec plugin, which take precedence over the kubeconfig's; None without a plugin.

    Raises:
        TurnupError: the certificate authority, or the client certificate with its key, is not valid PEM.
    """
    authority = None if connection.ca is None else connection.ca.decode("ascii", "replace")
    try:
        if authority is not None and not authority.strip():
            raise ValueError("an empty authority would mean the system's authorities")
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError):
        raise TurnupError(
            f"{connection.source}: certificate-authority of cluster {connection.cluster!r} (or its certificate-authority-data) is not a "
            "PEM certificate; correct it, or fetch the kubeconfig again."
        ) from None
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    pair = (connection.certificate, connection.key)
    origin = f"client-certificate and client-key of context {connection.context!r} (or their -data)"
    if credentials and credentials.certificate:
        pair, origin = (credentials.certificate, credentials.key), f"the certificate and key from the plugin of context {connection.context!r}"
    if pair[0] and pair[1]:
        # The ssl module reads keys only from files. This one is private and removed before the first request.
        with private_folder() as folder:
            file = folder / "pair.pem"
            file.write_bytes(pair[0] + b"\n" + pair[1])
            try:
                context.load_cert_chain(file, password="")
            except ssl.SSLError:
                raise TurnupError(f"{connection.source}: {origin} are not a PEM certificate and its unencrypted key; correct them, or log in again.") from None
    return context


def failure_reason(error: Exception) -> str:
    """Returns why a server counts as unreachable, in a few words."""
    text = str(error)
    if isinstance(error, BadAnswerError):
        return f"it {text}"
    if isinstance(error, ValueError):
        return "it answers with something that is not HTTP"
    if "Tunnel connection failed: " in text:
        return text.partition("Tunnel connection failed: ")[2].rstrip("')")
    for words in (
        NO_ANSWER,
        "Connection refused",
        "No route to host",
        "Network is unreachable",
        "Name or service not known",
        "Temporary failure in name resolution",
        "reset by peer",
        "closed connection",
        "IncompleteRead",
        "BadStatusLine",
    ):
        if words in text:
            return _WORDS.get(words, words.lower())
    # This check comes last, because urllib3 counts refused connections among the timeouts.
    return "timed out" if isinstance(error, urllib3.exceptions.TimeoutError) else type(error).__name__


def tls_reason(error: Exception) -> str:
    """Returns why TLS cannot work with this kubeconfig; "" if the connection only broke."""
    # urllib3 has its own words for a wrong host name, and OpenSSL writes some of its messages with underscores.
    text = str(error).lower().replace("_", " ")
    for words in ("certificate verify failed", "hostname mismatch", "doesn't match", "wrong version number", "certificate expired"):
        if words in text:
            return words
    return ""
