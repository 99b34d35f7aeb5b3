"""The registry in the cluster, beyond what every registry has: it lists all that it stores, and deletes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cluster.common.errors import TurnupError
from rules.image.tools.registry.auth import Login
from rules.image.tools.registry.http1 import Answer
from rules.image.tools.registry.names import is_private
from rules.image.tools.registry.refusals import refusal
from rules.image.tools.registry.registry import Registry

_CONTENTS = "/turnup/v1/contents"
_COLLECT = "/turnup/v1/collect"
# Manifests in one request; the answer names each of them again.
_BATCH = 5000


@dataclass(frozen=True)
class StoredImage:
    """A manifest in a repository.

    Attributes:
        repository: the repository.
        digest: the manifest's digest.
        size: bytes of the manifest itself.
        age: seconds since it was pushed or asked for.
        tags: its tags.
        manifests: digests of the manifests that it names, if it is an index.
        blobs: (digest, bytes) of its config and layers.
        problem: why it cannot be read; "" if it can.
    """

    repository: str
    digest: str
    size: int
    age: int
    tags: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    blobs: tuple[tuple[str, int], ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """REPOSITORY@DIGEST."""
        return f"{self.repository}@{self.digest}"

    @property
    def bytes(self) -> int:
        """Bytes of the manifest, its config and its layers."""
        return self.size + sum(size for _, size in self.blobs)


@dataclass(frozen=True)
class Contents:
    """What a registry stores.

    Attributes:
        limit: the bytes that it may store.
        used: the bytes that it stores.
        images: the manifests.
    """

    limit: int
    used: int
    images: tuple[StoredImage, ...]


@dataclass(frozen=True)
class Collected:
    """What a collection did.

    Attributes:
        deleted: REPOSITORY@DIGEST of the deleted images.
        kept: those that were used in the meantime.
        freed: bytes.
        used: the bytes that are stored now.
    """

    deleted: tuple[str, ...]
    kept: tuple[str, ...]
    freed: int
    used: int


class RegistryApi:
    """Requests to the registry in a cluster.

    Args:
        registry: HOST:PORT.
        login: its login.
        note: called with a line for each pause before another attempt.
    """

    def __init__(self, registry: str, login: Login, note: Callable[[str], None] = lambda _: None) -> None:
        self._client = Registry(registry, insecure=is_private(registry) or None, login=lambda _: login, note=note)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def contents(self) -> Contents:
        """Returns what the registry stores.

        Raises:
            TurnupError: it does not answer, or refuses, or is not a registry of this setup.
        """
        images: list[StoredImage] = []
        after = ""
        while True:
            path = _CONTENTS + (f"?after={quote(after, safe='')}" if after else "")
            fields = self._fields(self._client.request("GET", path), "the list of its images")
            try:
                images += [_image(item) for item in fields["manifests"]]
                limit, used, before, after = int(fields["limit"]), int(fields["used"]), after, str(fields.get("next") or "")
            except (KeyError, TypeError, ValueError, AttributeError):
                raise self._wrong("the list of its images") from None
            if not after:
                return Contents(limit, used, tuple(images))
            if after <= before:
                raise self._wrong("the list of its images")

    def collect(self, images: Sequence[StoredImage], older_than: float) -> Collected:
        """Deletes images, and then every blob that no image needs.

        Args:
            images: the images.
            older_than: seconds; what was pushed or asked for since then stays.

        Raises:
            TurnupError: the registry does not answer, refuses, or cannot delete them.
        """
        deleted: list[str] = []
        kept: list[str] = []
        freed = used = 0
        for start in range(0, max(len(images), 1), _BATCH):
            batch = images[start : start + _BATCH]
            body = json.dumps(
                {"manifests": [{"repository": image.repository, "digest": image.digest} for image in batch], "olderThan": int(older_than)}
            ).encode()
            answer = self._client.request("POST", _COLLECT, body=body, size=len(body), headers={"Content-Type": "application/json"})
            fields = self._fields(answer, "the deletion of images")
            try:
                deleted += [f"{item['repository']}@{item['digest']}" for item in fields["deleted"]]
                kept += [f"{item['repository']}@{item['digest']}" for item in fields["kept"]]
                freed += int(fields["freed"])
                used = int(fields["used"])
            except (KeyError, TypeError, ValueError):
                raise self._wrong("the deletion of images") from None
        return Collected(tuple(deleted), tuple(kept), freed, used)

    def _fields(self, answer: Answer, what: str) -> dict[str, Any]:
        """Returns the object of an answer."""
        if answer.status == 404:
            raise TurnupError(
                f"registry {self._client.name}: it cannot list and delete its images (404), so it is older than this Turnup; "
                "run 'bazel run //prod:setup.apply', then this again"
            )
        if answer.status != 200:
            raise refusal(answer, what, self._client.name)
        try:
            fields = json.loads(answer.body)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise self._wrong(what)
        return fields

    def _wrong(self, what: str) -> TurnupError:
        return TurnupError(f"registry {self._client.name}: it did not answer with {what}; check its version, and the proxy in front of it")


def _image(item: dict[str, Any]) -> StoredImage:
    """Returns an image as the registry lists it; raises KeyError, TypeError or ValueError for anything else."""
    return StoredImage(
        repository=str(item["repository"]),
        digest=str(item["digest"]),
        size=int(item["size"]),
        age=int(item["age"]),
        tags=tuple(map(str, item["tags"] or ())),
        manifests=tuple(map(str, item["manifests"] or ())),
        blobs=tuple((str(blob["digest"]), int(blob["size"])) for blob in item["blobs"] or ()),
        problem=str(item.get("problem") or ""),
    )
