"""Push images to a registry: ask first, send each blob once, mount it everywhere else, confirm.

    push_all([Image(manifest, config, layers, "app/server")], "172.19.0.2:31000", insecure=True)

Nothing is sent that the registry has; the manifest goes last, when all it names is there; an image counts
as pushed only after the registry confirmed its digest. So a push that broke off at any point leaves nothing
that refers to missing parts, and the next one sends the rest.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence, TypeVar

from rules.image.tools import image_files, oci
from rules.image.tools.errors import PushError
from rules.image.tools.image_files import ImageFiles
from rules.image.tools.registry import Interrupted, Registry, refusal

__all__ = ["Image", "Progress", "PushError", "Pushed", "exists", "push_all"]

UPLOAD_ATTEMPTS = 5
_T = TypeVar("_T")


@dataclass(frozen=True)
class Image:
    """An image to push, as the rules build it.

    Attributes:
        manifest: OCI image manifest.
        config: OCI image config.
        layers: (blob, descriptor) files, base first.
        repository: where to in the registry, e.g. `app/server`.
        tags: names to give the manifest there, besides its digest.
    """

    manifest: Path
    config: Path
    layers: list[tuple[Path, Path]]
    repository: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """What the registry has now.

    Attributes:
        repository: the image's repository.
        digest: digest of its manifest, confirmed by the registry.
        reference: `REGISTRY/REPOSITORY@DIGEST`.
        sent: bytes of blobs that this image's push uploaded.
        unchanged: True if the registry had all of it before.
    """

    repository: str
    digest: str
    reference: str
    sent: int
    unchanged: bool


@dataclass(frozen=True)
class Progress:
    """One step of a push, for whoever draws it.

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


@dataclass
class _Blob:
    """A blob that some image names: its file, size, and the repositories that need and have it."""

    digest: str
    size: int
    path: Path
    wanted: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)


@dataclass
class _Job:
    """An image with its files read and checked."""

    image: Image
    files: ImageFiles


def exists(registry: str, repository: str, digest: str, *, insecure: bool | None = None) -> bool:
    """Say whether a registry has a manifest.

    Args:
        registry: HOST[:PORT].
        repository: repository in it.
        digest: `sha256:…` of the manifest.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.

    Raises:
        PushError: the registry cannot be reached or refuses the question.
        InputError: repository or digest are malformed.
    """
    oci.check_repository(repository, "repository")
    oci.check_digest(digest, "digest")
    client = Registry(registry, insecure=insecure)
    try:
        return _has_manifest(client, repository, digest)
    finally:
        client.close()


def push_all(
    images: Iterable[Image],
    registry: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    jobs: int = 8,
    insecure: bool | None = None,
    client: Registry | None = None,
) -> list[Pushed]:
    """Push images; each blob is sent once, however many of them share it.

    Args:
        images: what to push. Equal images in one repository are pushed once.
        registry: HOST[:PORT].
        progress: called for each step, one call at a time, from several threads.
        jobs: requests in flight at once.
        insecure: True for plain HTTP, False for TLS, None for plain HTTP on loopback only.
        client: an open client of that registry to use; None makes one for this call.

    Returns:
        One Pushed per image, in the order of images.

    Raises:
        PushError: the registry refused, gave a wrong answer or did not answer. What was sent stays, and is
            not sent again by the next push.
        InputError: a file of an image is missing or does not fit its manifest. Nothing was sent.
    """
    work = [_read(image) for image in images]
    own = client or Registry(registry, insecure=insecure)
    try:
        return _Push(own, progress, max(1, jobs)).run(work)
    finally:
        if client is None:
            own.close()


class _Push:
    """One call of push_all."""

    def __init__(self, client: Registry, progress: Callable[[Progress], None] | None, jobs: int) -> None:
        self.client = client
        self.jobs = jobs
        self._progress = progress
        self._lock = threading.Lock()

    def tell(self, *step: Any) -> None:
        """Report one step."""
        if self._progress:
            with self._lock:
                self._progress(Progress(*step))

    def run(self, work: list[_Job]) -> list[Pushed]:
        """Push all jobs and return their results in order."""
        known = _each(lambda job: _has_manifest(self.client, job.image.repository, job.files.digest), work, self.jobs)
        blobs: dict[str, _Blob] = {}
        for job, there in zip(work, known):
            repository = job.image.repository
            for digest, (size, path) in job.files.blobs.items():
                blob = blobs.setdefault(digest, _Blob(digest, size, path))
                places = blob.there if there else blob.wanted
                if repository not in places:
                    places.append(repository)
            if there:
                self.tell("exists", repository, job.files.digest, 0, len(job.files.manifest))
        needed = [blob for blob in blobs.values() if set(blob.wanted) - set(blob.there)]
        # The largest first: they decide when the last upload ends.
        _each(self._provide, sorted(needed, key=lambda blob: -blob.size), self.jobs)
        last = {(job.image.repository, job.files.digest, job.image.tags): (job, there) for job, there in zip(work, known)}
        _each(lambda item: self._finish(*item), list(last.values()), self.jobs)
        return [
            Pushed(
                job.image.repository,
                job.files.digest,
                f"{self.client.name}/{job.image.repository}@{job.files.digest}",
                sum(blobs[digest].sent.pop(job.image.repository, 0) for digest in job.files.blobs),
                there,
            )
            for job, there in zip(work, known)
        ]

    def _provide(self, blob: _Blob) -> None:
        """See to it that every repository that wants the blob has it."""
        for repository in [name for name in blob.wanted if name not in blob.there]:
            if self._has_blob(repository, blob.digest):
                blob.there.append(repository)
                self.tell("exists", repository, blob.digest, 0, blob.size)
        for repository in [name for name in blob.wanted if name not in blob.there]:
            self._place(blob, repository)
            blob.there.append(repository)

    def _has_blob(self, repository: str, digest: str) -> bool:
        """Ask whether a repository has a blob."""
        answer = self.client.request("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status in (200, 302, 307, 308, 404):
            return answer.status != 404  # a redirect leads to the storage that has it
        raise refusal(answer, f"blob {digest} in {repository}", self.client.name)

    def _place(self, blob: _Blob, repository: str) -> None:
        """Mount the blob from a repository that has it, or upload it."""
        for attempt in range(1, UPLOAD_ATTEMPTS + 1):
            query = f"?mount={blob.digest}&from={blob.there[0].replace('/', '%2F')}" if blob.there else ""
            answer = self.client.request("POST", f"/v2/{repository}/blobs/uploads/{query}")
            if answer.status == 201 and query:
                self.tell("mounted", repository, blob.digest, 0, blob.size)
                return
            if answer.status != 202:
                raise refusal(answer, f"upload of {blob.digest} to {repository}", self.client.name)
            try:
                self._upload(blob, repository, self.client.location(answer))
                return
            except Interrupted as problem:
                if attempt == UPLOAD_ATTEMPTS:
                    raise PushError(
                        f"registry {self.client.name}: upload of {blob.digest} to {repository} broke off {attempt} times "
                        f"({problem}); check the registry and the network, then push again"
                    ) from None
                self.client.sleep(0.2 * 2**attempt)
                if self._has_blob(repository, blob.digest):  # it may have arrived although the answer was lost
                    return

    def _upload(self, blob: _Blob, repository: str, location: str) -> None:
        """Send the whole blob in one request."""
        done = 0

        def sent(count: int) -> None:
            nonlocal done
            done += count
            self.tell("uploading", repository, blob.digest, done, blob.size)

        query = ("&" if "?" in location else "?") + "digest=" + blob.digest.replace(":", "%3A")
        with open(blob.path, "rb", buffering=0) as file:
            answer = self.client.request(
                "PUT", location + query, body=file, size=blob.size, again=False, sent=sent,
                headers={"Content-Type": "application/octet-stream"},
            )
        if answer.status == 404:
            raise Interrupted("the registry forgot the upload")
        if answer.status != 201:
            raise refusal(answer, f"upload of {blob.digest} to {repository}", self.client.name)
        blob.sent[repository] = blob.size
        self.tell("uploaded", repository, blob.digest, blob.size, blob.size)

    def _finish(self, job: _Job, there: bool) -> None:
        """Put the manifest under its digest and tags where it is not there yet, and have the digest confirmed."""
        repository = job.image.repository
        missing = ([] if there else [job.files.digest]) + [
            tag for tag in job.image.tags if not _has_manifest(self.client, repository, tag, job.files.digest)
        ]
        for name in missing:
            answer = self.client.request(
                "PUT", f"/v2/{repository}/manifests/{name}", body=job.files.manifest, size=len(job.files.manifest),
                headers={"Content-Type": oci.MANIFEST},
            )
            if answer.status != 201:
                raise refusal(answer, f"manifest {name} of {repository}", self.client.name)
            if not _has_manifest(self.client, repository, name, job.files.digest):
                raise PushError(f"registry {self.client.name}: took {repository} {name} but does not have {job.files.digest} now; check its storage, then push again")
        if missing:
            self.tell("pushed", repository, job.files.digest, len(job.files.manifest), len(job.files.manifest))


def _has_manifest(client: Registry, repository: str, name: str, digest: str | None = None) -> bool:
    """Ask whether name (tag or digest) is a manifest of repository, and has this digest if one is given.

    Raises:
        PushError: the registry answers with another digest than the one it was asked for.
    """
    answer = client.request("HEAD", f"/v2/{repository}/manifests/{name}", headers={"Accept": oci.MANIFEST})
    if answer.status == 404:
        return False
    if answer.status != 200:
        raise refusal(answer, f"manifest {name} of {repository}", client.name)
    told = answer.headers.get("docker-content-digest")
    if name.startswith("sha256:") and told not in (None, name):
        raise PushError(f"registry {client.name}: asked for {name} of {repository}, it answered with {told!r:.100}; do not trust this registry")
    return told == digest if digest and not name.startswith("sha256:") else True


def _read(image: Image) -> _Job:
    """Check an image's names and read its files."""
    oci.check_repository(image.repository, "repository")
    for tag in image.tags:
        oci.check_tag(tag, f"tag of {image.repository}")
    return _Job(image, image_files.read(image.manifest, image.config, [blob for blob, _ in image.layers]))


def _each(work: Callable[[Any], _T], items: Sequence[Any], jobs: int) -> list[_T]:
    """Return [work(item) for item in items], up to jobs at a time; after an error no further item is begun."""
    results: list[Any] = [None] * len(items)
    errors: list[BaseException] = []
    todo = iter(range(len(items)))
    lock = threading.Lock()

    def loop() -> None:
        while not errors:
            with lock:
                index = next(todo, None)
            if index is None:
                return
            try:
                results[index] = work(items[index])
            except BaseException as error:  # raised again below, in the caller's thread
                errors.append(error)

    threads = [threading.Thread(target=loop, daemon=True) for _ in range(min(jobs, len(items)) - 1)]
    for thread in threads:
        thread.start()
    loop()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
