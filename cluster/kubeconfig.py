"""The user's kubeconfig: adding a cluster to it and taking it out again.

Format: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/.
The file is replaced in one step under a lock, readable by its owner only;
entries of other clusters and the current context stay as they are.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cluster.errors import ClusterError
from cluster.files import locked_folder, write_atomically

__all__ = ["Access", "contexts", "merge", "remove", "render", "user_path"]

_LISTS = ("clusters", "users", "contexts")


@dataclass(frozen=True)
class Access:
    """How to reach a cluster: one name for context, cluster and user, and PEM texts."""

    context: str
    server: str
    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def user_path() -> Path:
    """The kubeconfig that is written: the first entry of $KUBECONFIG, or ~/.kube/config."""
    first = next((entry for entry in os.environ.get("KUBECONFIG", "").split(os.pathsep) if entry), None)
    return Path(first).absolute() if first else Path.home() / ".kube" / "config"


def render(access: Access) -> str:
    """A kubeconfig that holds this cluster only and makes it the current one."""
    return yaml.safe_dump({**_entries(access), "apiVersion": "v1", "kind": "Config", "current-context": access.context}, sort_keys=False)


def merge(path: Path, access: Access, use_context: bool = False) -> None:
    """Adds the cluster to the file, replacing its earlier entries; use_context makes it the current one."""
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
    """Takes the cluster out of the file; a file that holds nothing else goes too."""
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
    """The names of the file's contexts; [] where there is no file."""
    return [entry["name"] for entry in _load(path)["contexts"]] if path.exists() else []


def _entries(access: Access) -> dict[str, list[dict]]:
    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    name = access.context
    user = {"client-certificate-data": encoded(access.certificate), "client-key-data": encoded(access.key)}
    return {
        "clusters": [{"name": name, "cluster": {"server": access.server, "certificate-authority-data": encoded(access.authority)}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def _load(path: Path) -> dict:
    try:
        content = yaml.safe_load(path.read_text()) if path.exists() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError(f"{path} is not a readable kubeconfig ({' '.join(str(error).split())}): repair it, or set KUBECONFIG to another file") from None
    content = {"apiVersion": "v1", "kind": "Config"} if content is None else content
    if not isinstance(content, dict):
        raise ClusterError(f"{path} is not a kubeconfig (it holds {type(content).__name__}): repair it, or set KUBECONFIG to another file")
    for name in _LISTS:
        content[name] = content.get(name) or []
        if not isinstance(content[name], list) or not all(isinstance(entry, dict) and "name" in entry for entry in content[name]):
            raise ClusterError(f"{path}: {name} is not a list of named entries: repair it, or set KUBECONFIG to another file")
    return content


def _drop(content: dict, name: str) -> bool:
    """Removes the entries called name; whether there were any."""
    found = False
    for kind in _LISTS:
        kept = [entry for entry in content[kind] if entry["name"] != name]
        found = found or len(kept) != len(content[kind])
        content[kind] = kept
    return found


def _store(path: Path, content: dict) -> None:
    # A link keeps pointing at the file that the user chose.
    write_atomically(path.resolve(), yaml.safe_dump(content, sort_keys=False))
