"""Pushes images to a registry: asks first, sends each blob once, mounts it everywhere else, confirms.

    push_all([Image(manifest, config, layers, "app/server")], "172.19.0.2:31000", insecure=True)

It sends only what the registry lacks. The manifest goes last, after everything it names, and an image counts as pushed only
after the registry confirmed its digest. An interrupted push therefore leaves no incomplete image, and the next one sends the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rules.image.tools.errors import PushError
from rules.image.tools.oci import image_files, oci
from rules.image.tools.push.transfer import WORKERS, Job, Transfer, has_manifest
from rules.image.tools.registry.registry import Registry

__all__ = ["Image", "Progress", "PushError", "Pushed", "exists", "push_all"]


@dataclass(frozen=True)
class Image:
    """An image to push, as the files that the rules build.

    Attributes:
        manifest: OCI image manifest.
        config: OCI image config.
        layers: (blob, descriptor) files, base first.
        repository: its repository in the registry, such as `app/server`.
        tags: names to give the manifest there, besides its digest.
    """

    manifest: Path
    config: Path
    layers: list[tuple[Path, Path]]
    repository: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """One image after a push.

    Attributes:
        repository: the image's repository.
        digest: digest of its manifest, confirmed by the registry.
        reference: `REGISTRY/REPOSITORY@DIGEST`.
        sent: bytes of blobs that this image's push uploaded.
        unchanged: True if the registry had all of it before, tags included.
    """

    repository: str
    digest: str
    reference: str
    sent: int
    unchanged: bool


@dataclass(frozen=True)
class Progress:
    """One step of a push, for progress displays.

    Attributes:
        state: `exists` (nothing to do), `mounted`, `uploading` (repeated, with sent growing), `uploaded`,
            or `pushed` (a whole image, confirmed).
        repository: the repository concerned.
        digest: of the blob, or of the manifest when state is `pushed` or the image exists.
        sent: bytes sent so far.
        size: bytes in all.
    """

    state: str
    repository: str
    digest: str
    sent: int
    size: int


def exists(registry: str, repository: str, digest: str, *, insecure: bool | None = None) -> bool:
    """Returns whether a registry has a manifest.

    Args:
        registry: HOST[:PORT].
        repository: repository in it.
        digest: `sha256:…` of the manifest.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.

    Raises:
        PushError: the registry cannot be reached or refuses the question.
        InputError: the repository or digest is malformed.
    """
    oci.check_repository(repository, "repository")
    oci.check_digest(digest, "digest")
    client = Registry(registry, insecure=insecure)
    try:
        return has_manifest(client, repository, digest)
    finally:
        client.close()


def push_all(
    images: Iterable[Image],
    registry: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    jobs: int = WORKERS,
    insecure: bool | None = None,
    client: Registry | None = None,
    verify: bool = False,
    note: Callable[[str], None] = lambda _: None,
) -> list[Pushed]:
    """Pushes images; each blob is sent once, however many of them share it.

    Args:
        images: what to push. Equal images in one repository are pushed once.
        registry: HOST[:PORT].
        progress: called for each step, one call at a time, from several threads.
        jobs: requests in flight at once.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.
        client: an open client of that registry; None opens one for this call.
        verify: ask for every blob of images that are there already too, and send what is missing; otherwise the
            manifest answers for what it refers to.
        note: called with a line for each pause before another attempt, from several threads; a client has its own.

    Returns:
        One Pushed per image, in the order of images.

    Raises:
        PushError: the registry refused, gave a wrong answer or did not answer. What was sent stays, and is
            not sent again by the next push.
        InputError: a file of an image is missing or does not match its manifest. Nothing was sent.
    """
    work = [_read(image) for image in images]
    own = client or Registry(registry, insecure=insecure, note=note)
    try:
        Transfer(own, (lambda *step: progress(Progress(*step))) if progress else None, max(1, jobs), verify).run(work)
    finally:
        if client is None:
            own.close()
    return [Pushed(job.repository, job.digest, f"{own.name}/{job.repository}@{job.digest}", job.sent, job.existed) for job in work]


def _read(image: Image) -> Job:
    """Checks an image's names and reads its files."""
    oci.check_repository(image.repository, "repository")
    for tag in image.tags:
        oci.check_tag(tag, f"tag of {image.repository}")
    files = image_files.read(image.manifest, image.config, [blob for blob, _ in image.layers])
    return Job(image.repository, tuple(image.tags), files.manifest, files.media_type, files.digest, dict(files.blobs))
