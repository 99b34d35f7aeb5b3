"""Reading a kubeconfig once and freezing the one context that a run uses.

The common ways to log in (client certificates, tokens, basic) are read here
directly, because importing the `kubernetes` package costs a quarter of a second.
A context that needs more (exec plugins, OIDC auth providers) is handed to that
package's own loader (login.py), which is imported then and only then.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.manifests import load_yaml_documents


@dataclass(frozen=True)
class Connection:
    """One context of a kubeconfig, everything read into memory.

    Attributes:
        context: the context's name.
        cluster: the name of the cluster entry that it uses.
        server: URL of the API server without a trailing slash.
        ca: PEM of the certificate authority; None for the system's own.
        verify: False when the kubeconfig says insecure-skip-tls-verify.
        server_name: TLS server name that differs from the URL's host; "" for none.
        certificate, key: PEM of the client certificate and its key; None for none.
        headers: gives the request headers that authenticate, renewed by each call.
        frozen: a kubeconfig mapping with this context alone, for child processes.
    """

    context: str
    cluster: str
    server: str
    ca: bytes | None
    verify: bool
    server_name: str
    certificate: bytes | None
    key: bytes | None = field(repr=False)
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    frozen: dict[str, Any] = field(repr=False)


def kubeconfig_path(explicit: str, environ: Mapping[str, str]) -> Path:
    """Returns the kubeconfig in use: the explicit one, the first of $KUBECONFIG, or ~/.kube/config."""
    if explicit:
        return Path(explicit)
    for entry in environ.get("KUBECONFIG", "").split(os.pathsep):
        if entry:
            return Path(entry)
    return Path(environ.get("HOME") or os.path.expanduser("~")) / ".kube" / "config"


def load(path: Path, context: str, user: str = "") -> Connection:
    """Reads one context of a kubeconfig.

    Args:
        path: the kubeconfig.
        context: the context to use.
        user: name of a user entry that replaces the context's own; "" keeps it.

    Raises:
        TurnupError: the file or the context is missing, or an entry cannot be used.
    """
    config = _read(path, context)
    chosen = _named(config, "contexts", context, "context")
    if chosen is None:
        have = ", ".join(sorted(entry.get("name", "?") for entry in config.get("contexts") or [])) or "none"
        raise TurnupError(f"{path} has no context {context!r} (it has: {have}); run './turnup cluster create', or name an "
                          "existing context with TURNUP_CONTEXT.")
    user_name = user or chosen.get("user", "")
    cluster = _named(config, "clusters", chosen.get("cluster", ""), "cluster")
    if not cluster or not cluster.get("server"):
        raise TurnupError(f"{path}: context {context!r} uses cluster {chosen.get('cluster')!r}, which has no server; "
                          "correct the kubeconfig.")
    login = _named(config, "users", user_name, "user")
    if login is None and user_name:
        raise TurnupError(f"{path}: context {context!r} uses user {user_name!r}, which is not there; correct the kubeconfig.")
    login = login or {}
    base = path.parent
    certificate = _data(login, "client-certificate", base, path)
    key = _data(login, "client-key", base, path)
    headers = _headers(login, base, path, context)
    if headers is None:
        from rules.k8s.tools.login import library_login

        headers, certificate, key = library_login(path, context, user_name, config)
    return Connection(
        context=context,
        cluster=chosen["cluster"],
        server=cluster["server"].rstrip("/"),
        ca=_data(cluster, "certificate-authority", base, path),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        server_name=cluster.get("tls-server-name", ""),
        certificate=certificate,
        key=key,
        headers=headers,
        frozen=_freeze(config, context, {**chosen, "user": user_name}, cluster, login, base),
    )


def _read(path: Path, context: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TurnupError(f"{path}: there is no kubeconfig, so context {context!r} is unknown; run './turnup cluster "
                          "create', or set KUBECONFIG and TURNUP_CONTEXT to use an existing cluster.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TurnupError(f"{path}: the kubeconfig cannot be read ({error}); correct its permissions or KUBECONFIG.") from None
    documents = load_yaml_documents(text, str(path))
    if len(documents) > 1 or (documents and documents[0] is not None and not isinstance(documents[0], dict)):
        raise TurnupError(f"{path}: is not a kubeconfig; correct it or set KUBECONFIG.")
    return (documents[0] if documents else None) or {}


def _named(config: Mapping[str, Any], section: str, name: str, field_name: str) -> dict[str, Any] | None:
    for entry in config.get(section) or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return entry.get(field_name) or {}
    return None


def _data(entry: Mapping[str, Any], name: str, base: Path, path: Path) -> bytes | None:
    """Returns NAME-data decoded, or the content of the file NAME, or None."""
    if entry.get(f"{name}-data"):
        try:
            return base64.b64decode(entry[f"{name}-data"], validate=True)
        except (binascii.Error, ValueError):
            raise TurnupError(f"{path}: {name}-data is not base64; correct the kubeconfig.") from None
    if entry.get(name):
        return read_beside(base / entry[name], name, path)
    return None


def read_beside(file: Path, name: str, path: Path) -> bytes:
    """Returns the content of a file that the entry `name` of the kubeconfig `path` names.

    Raises:
        TurnupError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise TurnupError(f"{path}: {name} {file} cannot be read ({error.strerror}); correct the kubeconfig.") from None


def _headers(login: Mapping[str, Any], base: Path, path: Path, context: str) -> Callable[[], Mapping[str, str]] | None:
    """Returns the header function of a plain login, None when it takes the library."""
    if login.get("exec") or login.get("auth-provider"):
        return None
    if login.get("tokenFile"):
        file = base / login["tokenFile"]

        # Mounted service account tokens rotate: read at every call.
        return lambda: {"Authorization": "Bearer " + read_beside(file, "tokenFile", path).decode("ascii").strip()}
    if login.get("token"):
        return lambda: {"Authorization": "Bearer " + login["token"]}
    if login.get("username"):
        pair = f"{login['username']}:{login.get('password', '')}".encode()
        return lambda: {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    return dict


def _freeze(config: Mapping[str, Any], context: str, chosen: dict[str, Any], cluster: dict[str, Any],
            login: dict[str, Any], base: Path) -> dict[str, Any]:
    """Returns a kubeconfig of this context only, with file names made absolute."""
    cluster, login = dict(cluster), dict(login)
    for entry, names in ((cluster, ("certificate-authority",)), (login, ("client-certificate", "client-key", "tokenFile"))):
        for name in names:
            if entry.get(name):
                entry[name] = str((base / entry[name]).absolute())
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": chosen}],
        "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
        "users": [{"name": chosen["user"], "user": login}],
    }
