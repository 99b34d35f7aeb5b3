"""How connections to an API server are made: TLS, through a proxy, and names that must resolve in time."""

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

from rules.k8s.tools.cleanup import private_folder
from rules.k8s.tools.errors import TurnupError

if TYPE_CHECKING:
    from rules.k8s.tools.kubeconfig.exec_plugin import Credentials
    from rules.k8s.tools.kubeconfig.kubeconfig import Connection

Pool = urllib3.HTTPConnectionPool | urllib3.ProxyManager

NO_ANSWER = "no answer from DNS"
"""Why a name was not resolved whose servers are silent."""

# The resolver's own patience, with several servers, is longer than that of a run.
_RESOLVE_SECONDS = 4.0

# A followed log may be silent for hours: only this tells it from one whose server has gone without a word. Not every system has all of it.
_KEEP_ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)) if hasattr(socket, name)]


class _Named(HTTPConnection):
    """A connection whose host's name is resolved within a deadline, which getaddrinfo does not have."""

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
            self._dns_host = name  # What the certificate is for.


class _NamedTls(_Named, HTTPSConnection):
    """The same with TLS."""


class _Plain(urllib3.HTTPConnectionPool):
    ConnectionCls = _Named


class _Tls(urllib3.HTTPSConnectionPool):
    ConnectionCls = _NamedTls


def _resolve(name: str, port: int | None) -> list[str]:
    """Returns the addresses of a host.

    Raises:
        OSError: there are none, or nobody says so in time.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(name.strip("[]")))]
    found: list[str] = []
    failures: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)))
        except UnicodeError:
            failures.append(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        except OSError as error:
            failures.append(error)

    # A daemon: nothing can stop it, and the end of the process does not wait for it.
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    asker.join(_RESOLVE_SECONDS)
    if failures:
        raise failures[0]
    if not found:
        raise socket.gaierror(socket.EAI_AGAIN, NO_ANSWER)
    return found


def pool_of(connection: Connection, tls: ssl.SSLContext | None, **options: Any) -> Pool:
    """Returns a pool of connections.

    Args:
        connection: what a kubeconfig gave.
        tls: see `tls_of`; None for plain HTTP.
        **options: of urllib3's pools.
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
    assert url.hostname
    return _Tls(url.hostname, url.port or 443, **options) if tls else _Plain(url.hostname, url.port or 80, **options)


def tls_of(connection: Connection, credentials: Credentials | None) -> ssl.SSLContext:
    """Returns the TLS settings of a connection.

    Args:
        connection: what a kubeconfig gave.
        credentials: what its plugin gave, whose certificate counts before the kubeconfig's; None for nothing.

    Raises:
        TurnupError: the certificate authority, or the client certificate with its key, is none.
    """
    authority = None if connection.ca is None else connection.ca.decode("ascii", "replace")
    try:
        if authority is not None and not authority.strip():
            raise ValueError("empty, which would mean the system's authorities")
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError):
        raise TurnupError(f"{connection.source}: certificate-authority of cluster {connection.cluster!r} (or its certificate-authority-data) is no "
                          "certificate in PEM; correct it, or fetch the kubeconfig anew.") from None
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    pair = (connection.certificate, connection.key)
    origin = f"client-certificate and client-key of context {connection.context!r} (or their -data)"
    if credentials and credentials.certificate:
        pair, origin = (credentials.certificate, credentials.key), f"the certificate and key from the plugin of context {connection.context!r}"
    if pair[0] and pair[1]:
        # The ssl module reads keys from files only: a private one, gone before the first request.
        with private_folder() as folder:
            file = folder / "pair.pem"
            file.write_bytes(pair[0] + b"\n" + pair[1])
            try:
                context.load_cert_chain(file, password="")
            except ssl.SSLError:
                raise TurnupError(f"{connection.source}: {origin} are no pair of a certificate and its unencrypted key in PEM; correct them, or log "
                                  "in anew.") from None
    return context
