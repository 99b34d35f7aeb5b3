"""Which images are used: by files of the workspace, by revisions of stacks, and by what runs in the cluster.

The search is for digests and tags in any text, not for fields: a field that this module does not know must not cost an image.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.common.errors import TurnupError
from cluster.common.process import Runner
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.stack import history

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Everything that runs containers, or that a controller keeps to go back to.
_WORKLOADS = (
    "/api/v1/pods",
    "/api/v1/podtemplates",
    "/api/v1/replicationcontrollers",
    "/apis/apps/v1/controllerrevisions",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
)
_REVISIONS = "/api/v1/secrets"
_PAGE = 200
# What a revision may decompress to, as for a rollback.
_MOST_BYTES = 256 * 1024 * 1024


@dataclass
class Usage:
    """The images that are used.

    Attributes:
        registry: HOST:PORT of the registry; tags of other registries do not count.
        digests: digests of images.
        tags: REPOSITORY:TAG.
    """

    registry: str
    digests: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._tag = re.compile(re.escape(self.registry) + r"/([a-z0-9][a-z0-9._/-]*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?![A-Za-z0-9_.:/@-])")

    def read(self, text: str) -> None:
        """Adds the images that a text names."""
        self.digests.update(_DIGEST.findall(text))
        self.tags.update(f"{repository}:{tag or 'latest'}" for repository, tag in self._tag.findall(text))


def read_workspace(usage: Usage, root: Path, runner: Runner) -> None:
    """Adds every image that a file of the workspace names, such as a pins file; files that git ignores do not count.

    Args:
        usage: what is used.
        root: the workspace.
        runner: starts git.

    Raises:
        TurnupError: git cannot list the files.
    """
    done = runner.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=False, errors="surrogateescape")
    if done.code:
        raise TurnupError(f"{root}: git cannot list the files, so the pins are not known; run this in a checkout of the repository")
    for name in filter(None, done.stdout.split("\0")):
        path = root / name
        try:
            usage.read(path.read_bytes().decode("utf-8", "replace"))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            continue  # deleted, or a submodule
        except OSError as error:
            raise TurnupError(f"{path}: cannot be read ({error.strerror}), and it may pin an image; correct its permissions") from None


def read_cluster(usage: Usage, client: Client, note: Callable[[str], None]) -> None:
    """Adds every image that runs in a cluster, that a controller may start again, or that a revision of a stack names.

    Args:
        usage: what is used.
        client: the API server.
        note: called with a line about a revision that is damaged.

    Raises:
        TurnupError: the account may not list everything.
    """
    for path in _WORKLOADS:
        for item in _list(client, path):
            usage.read(json.dumps(item))
    secrets = [item for item in _list(client, _REVISIONS, fieldSelector=f"type={history.TYPE}") if item.get("type") == history.TYPE]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for secret in secrets:
        meta = secret["metadata"]
        groups.setdefault((meta.get("namespace", ""), meta["name"].rpartition("-")[0]), []).append(secret)
    for (namespace, stem), parts in sorted(groups.items()):
        text = _revision(parts)
        if text is None:
            note(f"note: the revision {stem} in namespace {namespace} is damaged, so the images that it names are not known")
        else:
            usage.read(text)


def _list(client: Client, path: str, **query: str) -> Iterator[dict[str, Any]]:
    """Yields the objects of a collection in all namespaces."""
    token = ""
    while True:
        try:
            answer = client.request("GET", path, query={**query, "limit": str(_PAGE), "continue": token})[1]
        except ApiError as error:
            if error.status == 404:
                return  # the cluster does not serve this kind
            kind = path.rpartition("/")[2]
            advice = f"ask for the right to list {kind} in all namespaces" if error.status == 403 else "run this again"
            raise TurnupError(
                f"context {client.connection.context!r}: {kind} cannot be listed ({error.status} {error.reason}), and they may use images; {advice}"
            ) from None
        yield from answer.get("items") or []
        token = (answer.get("metadata") or {}).get("continue") or ""
        if not token:
            return


def _revision(parts: Iterable[dict[str, Any]]) -> str | None:
    """Returns the content of a revision; None if it is damaged."""
    try:
        numbered = sorted(parts, key=lambda part: int(part["metadata"]["name"].rpartition("-")[2]))
        packed = b"".join(base64.b64decode(part["data"]["revision"], validate=True) for part in numbered)
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(packed, _MOST_BYTES)
        return content.decode() if unpacker.eof else None
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error):
        return None
