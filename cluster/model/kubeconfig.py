"""Adds clusters to the user's kubeconfig and removes them.

Format: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/.
The file is replaced in one step under a lock, and only its owner can read it. The entries of other clusters and the current
context stay as they are.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cluster.common.errors import ClusterError
from cluster.common.files import locked_folder, write_atomically

__all__ = ["Access", "contexts", "merge", "remove", "render", "user_path"]

_LISTS = ("clusters", "users", "contexts")


@dataclass(frozen=True)
class Access:
    """How to reach a cluster.

    Attributes:
        context: the name of the context, the cluster and the user.
        server: the API server's URL.
        authority: the certificate of the certificate authority, in PEM.
        certificate: the user's certificate, in PEM.
        key: the user's key, in PEM.
    """

    context: str
    server: str
    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def user_path() -> Path:
    """Returns the kubeconfig to write: the first entry of $KUBECONFIG, or ~/.kube/config."""
    first = next((entry for entry in os.environ.get("KUBECONFIG", "").split(os.pathsep) if entry), None)
    return Path(first).absolute() if first else Path.home() / ".kube" / "config"


def render(access: Access) -> str:
    """Returns a kubeconfig that has only this cluster, as the current context."""
    return yaml.safe_dump({**_entries(access), "apiVersion": "v1", "kind": "Config", "current-context": access.context}, sort_keys=False)


def merge(path: Path, access: Access, use_context: bool = False) -> None:
    """Adds a cluster to a kubeconfig, and replaces its earlier entries.

    Args:
        path: the kubeconfig.
        access: how to reach the cluster.
        use_context: whether to make it the current context.

    Raises:
        ClusterError: the file is not a kubeconfig.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked_folder(path.parent):
        content = _load(path)
        _drop(content, access.context)
        for name, entries in _entries(access).items():
            content[name] += entries
        if use_context:
            content["current-context"] = access.context
        _store(path, content)


def remove(path: Path, context: str) -> None:
    """Removes a cluster from a kubeconfig, and the file if nothing else is left in it.

    Args:
        path: the kubeconfig.
        context: the name of the cluster's entries.

    Raises:
        ClusterError: the file is not a kubeconfig.
    """
    if not path.exists():
        return
    with locked_folder(path.parent):
        content = _load(path)
        if not _drop(content, context):
            return
        if content.get("current-context") == context:
            del content["current-context"]
        if any(content[name] for name in _LISTS) or content.get("current-context"):
            _store(path, content)
        else:
            path.unlink()


def contexts(path: Path) -> list[str]:
    """Returns the names of a kubeconfig's contexts; [] if there is no file."""
    return [entry["name"] for entry in _load(path)["contexts"]] if path.exists() else []


def _entries(access: Access) -> dict[str, list[dict[str, Any]]]:
    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    name = access.context
    user = {"client-certificate-data": encoded(access.certificate), "client-key-data": encoded(access.key)}
    return {
        "clusters": [{"name": name, "cluster": {"server": access.server, "certificate-authority-data": encoded(access.authority)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text()) if path.exists() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError(f"{path} is not a readable kubeconfig ({' '.join(str(error).split())}); repair it, or set KUBECONFIG to another file") from None
    content = {"apiVersion": "v1", "kind": "Config"} if content is None else content
    if not isinstance(content, dict):
        raise ClusterError(f"{path} is not a kubeconfig (its content is a {type(content).__name__}); repair it, or set KUBECONFIG to another file")
    for name in _LISTS:
        content[name] = content.get(name) or []
        if not isinstance(content[name], list) or not all(isinstance(entry, dict) and "name" in entry for entry in content[name]):
            raise ClusterError(f"{path}: {name} is not a list of named entries; repair it, or set KUBECONFIG to another file")
    return content


def _drop(content: dict[str, Any], name: str) -> bool:
    """Removes the entries with that name; returns whether there were any."""
    found = False
    for kind in _LISTS:
        kept = [entry for entry in content[kind] if entry["name"] != name]
        found = found or len(kept) != len(content[kind])
        content[kind] = kept
    return found


def _store(path: Path, content: dict[str, Any]) -> None:
    # The user may have made the kubeconfig a symbolic link; keep the link.
    write_atomically(path.resolve(), yaml.safe_dump(content, sort_keys=False))
