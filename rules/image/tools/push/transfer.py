"""Carries out a push: asks first, sends each blob once, mounts it everywhere else, sends manifests last, confirms.

Every push runs through Transfer. Its jobs come from a push plan (plan_reader.py), or from push.py for other programs.
"""

from __future__ import annotations

import _thread

from rules.image.tools.errors import InputError, LoginError, PushError
from rules.image.tools.registry.parallel import run_parallel
from rules.image.tools.registry.refusals import check_no_page, refusal
from rules.image.tools.registry.retry import Interrupted, RetryPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rules.image.tools.registry.http1 import Answer
    from rules.image.tools.registry.registry import Registry

WORKERS = 8  # requests in flight at once, unless the caller says otherwise
_QUESTIONS = 4  # on one connection before another one is used
_REDIRECTS = (302, 307, 308)
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json", *_INDEXES)


class Job:
    """One image to push.

    Attributes:
        repository: its repository in the registry.
        tags: names to give the manifest there, besides its digest.
        manifest: the manifest's bytes.
        media_type: its media type.
        digest: its digest.
        blobs: size in bytes and file of each blob by digest.
        part: True for a manifest that is pushed because an index refers to it.
        existed: set by push: True if the registry had all of it before, tags included.
        sent: set by push: bytes of blobs that were uploaded for it.
    """

    __slots__ = ("blobs", "digest", "existed", "manifest", "media_type", "missing", "part", "repository", "sent", "tags")

    def __init__(
        self,
        repository: str,
        tags: tuple[str, ...],
        manifest: bytes,
        media_type: str,
        digest: str,
        blobs: dict[str, tuple[int, Path | str]],
        part: bool = False,
    ) -> None:
        self.repository = repository
        self.tags = tags
        self.manifest = manifest
        self.media_type = media_type
        self.digest = digest
        self.blobs = blobs
        self.part = part
        self.missing: list[str] = []
        self.existed = False
        self.sent = 0


class _Blob:
    """A blob of some image: its file, its size, and the repositories that need it and have it."""

    __slots__ = ("digest", "existing", "path", "sent", "size", "wanted")

    def __init__(self, digest: str, size: int, path: Path | str) -> None:
        self.digest = digest
        self.size = size
        self.path = path
        self.wanted: list[str] = []
        self.existing: list[str] = []
        self.sent: dict[str, int] = {}


class Transfer:
    """One push of several images to one registry.

    Args:
        client: the registry's.
        tell: called with (state, repository, digest, sent, size) for each step, one call at a time, from several
            threads; see push.Progress. None: not called.
        workers: uploads in flight at once.
        verify: whether to ask for every blob, also of manifests that exist already and again of what was sent.
    """

    def __init__(self, client: Registry, tell: Callable[[str, str, str, int, int], None] | None, workers: int = WORKERS, verify: bool = False) -> None:
        self.client = client
        self.workers = workers
        self.verify = verify
        self._tell = tell
        self._lock = _thread.allocate_lock()

    def tell(self, state: str, repository: str, digest: str, sent: int, size: int) -> None:
        """Reports one step."""
        if self._tell:
            with self._lock:
                self._tell(state, repository, digest, sent, size)

    def run(self, jobs: list[Job]) -> None:
        """Pushes all jobs; an index must come after everything it refers to.

        Raises:
            PushError: the registry refused, gave a wrong answer or did not answer.
            InputError: a blob's file is not what its digest says.
        """
        self._find_missing_manifests(jobs)
        blobs: dict[str, _Blob] = {}
        for job in jobs:
            for digest, (size, path) in job.blobs.items():
                blob = blobs.setdefault(digest, _Blob(digest, size, path))
                places = blob.existing if job.existed and not self.verify else blob.wanted
                if job.repository not in places:
                    places.append(job.repository)
            if job.existed:
                self.tell("exists", job.repository, job.digest, 0, len(job.manifest))
        self._find_existing_blobs(list(blobs.values()))
        missing = {(digest, name) for digest, blob in blobs.items() for name in blob.wanted}
        # The largest first: they decide when the last upload ends.
        run_parallel(self._provide, sorted((blob for blob in blobs.values() if blob.wanted), key=lambda blob: -blob.size), self.workers)
        if self.verify:
            self._confirm(sorted(missing))
        last = {(job.repository, job.digest, job.tags): job for job in jobs if job.missing}
        run_parallel(self._finish, [job for job in last.values() if job.media_type not in _INDEXES], self.workers)
        for job in last.values():  # in order: everything an index refers to comes before it
            if job.media_type in _INDEXES:
                self._finish(job)
        for job in jobs:
            job.sent = sum(blobs[digest].sent.pop(job.repository, 0) for digest in job.blobs)
            job.existed = job.existed and missing.isdisjoint((digest, job.repository) for digest in job.blobs)

    def _find_missing_manifests(self, jobs: list[Job]) -> None:
        """Finds the names of manifests that the registry lacks; a tag with the right digest also confirms the digest."""
        asked = [(job, name) for job in jobs for name in job.tags or (job.digest,)]
        for (job, name), right in zip(asked, self._manifests(asked), strict=False):
            if not right:
                job.missing.append(name)
        for job in jobs:
            job.existed = not job.missing

    def _manifests(self, names: Sequence[tuple[Job, str]]) -> list[bool]:
        """Says for each (job, tag or digest) whether the registry has the job's manifest under that name."""
        if not names:
            return []
        # One Accept for all: for a media type that is not accepted, a registry answers with a converted manifest or 404.
        accept = ", ".join(dict.fromkeys(job.media_type for job, _ in names))
        questions = [(f"/v2/{job.repository}/manifests/{name}", job.repository) for job, name in names]
        answers = zip(self._ask(questions, accept), names, strict=False)
        return [is_manifest(self.client, answer, job.repository, name, job.digest, accept) for answer, (job, name) in answers]

    def _find_existing_blobs(self, blobs: list[_Blob]) -> None:
        """Asks every repository that wants a blob whether it has it; what is left in `wanted` is missing."""
        for blob in blobs:
            blob.wanted = [name for name in blob.wanted if name not in blob.existing]
        pairs = [(blob, name) for blob in blobs for name in blob.wanted]
        answers = self._ask([(f"/v2/{name}/blobs/{blob.digest}", name) for blob, name in pairs])
        for (blob, name), answer in zip(pairs, answers, strict=False):
            if self._is_blob(answer, name, blob.digest):
                blob.wanted.remove(name)
                blob.existing.append(name)
                self.tell("exists", name, blob.digest, 0, blob.size)

    def _confirm(self, placed: list[tuple[str, str]]) -> None:
        """Asks again for each (digest, repository) that was sent or mounted."""
        answers = self._ask([(f"/v2/{name}/blobs/{digest}", name) for digest, name in placed])
        for (digest, name), answer in zip(placed, answers, strict=False):
            if not self._is_blob(answer, name, digest):
                raise PushError(f"registry {self.client.name}: accepted {digest} for {name} but does not have it now; check its storage, then push again")

    def _is_blob(self, answer: Answer, repository: str, digest: str) -> bool:
        """Returns whether an answer confirms that a repository has a blob."""
        if answer.status == 404:
            return False
        if answer.status == 200 or answer.status in _REDIRECTS:
            return True  # a redirect leads to the storage of the blob
        raise refusal(answer, f"blob {digest} in {repository}", self.client.name)

    def _ask(self, questions: list[tuple[str, str]], accept: str = "") -> list[Answer]:
        """Asks HEAD questions, several on each connection; repeats those without an answer one by one."""
        count = max(_QUESTIONS, -(-len(questions) // self.workers))
        parts = [questions[i : i + count] for i in range(0, len(questions), count)]
        answers = [answer for part in run_parallel(lambda part: self.client.head_all(part, accept), parts, self.workers) for answer in part]
        headers = {"Accept": accept} if accept else {}

        def alone(index: int) -> None:
            path, repository = questions[index]
            answers[index] = self.client.request("HEAD", path, repository=repository, headers=headers)

        run_parallel(alone, [index for index, answer in enumerate(answers) if answer is None], self.workers)
        return answers

    def _provide(self, blob: _Blob) -> None:
        """Places the blob in every repository that wants it."""
        while blob.wanted:
            self._place(blob, blob.wanted[0])
            blob.existing.append(blob.wanted.pop(0))

    def _place(self, blob: _Blob, repository: str) -> None:
        """Mounts the blob from a repository that has it, or uploads it."""
        what = f"registry {self.client.name}: upload of {blob.digest} to {repository}"
        source = blob.existing[0] if blob.existing else ""
        policy = RetryPolicy(self.client.sleep, self.client.note, longest=float("inf"))  # sending a large blob may take hours
        while True:
            answer = self._mount(blob, repository, source) if source else None
            if answer is not None and answer.status == 201:
                self.tell("mounted", repository, blob.digest, 0, blob.size)
                return
            if answer is None or answer.status != 202:
                # Not every registry mounts, and not everyone may read the other repository: then the blob is sent.
                source = ""
                answer = self.client.request("POST", f"/v2/{repository}/blobs/uploads/", repository=repository)
            if answer.status != 202:
                raise refusal(answer, f"upload of {blob.digest} to {repository}", self.client.name)
            try:
                self._upload(blob, repository, self.client.location(answer))
                return
            except Interrupted as problem:
                if not policy.wait(f"{what} was interrupted ({problem})", problem.retry_after):
                    raise PushError(f"{what} was interrupted {policy.tried} ({problem}); check the registry and the network, then push again") from None
                # It may have arrived although the answer was lost.
                if self._is_blob(self.client.request("HEAD", f"/v2/{repository}/blobs/{blob.digest}", repository=repository), repository, blob.digest):
                    return

    def _mount(self, blob: _Blob, repository: str, source: str) -> Answer | None:
        """Asks a repository to take the blob from another one; None if no token allows it."""
        path = f"/v2/{repository}/blobs/uploads/?mount={blob.digest}&from={source.replace('/', '%2F')}"
        try:
            return self.client.request("POST", path, repository=f"{repository} {source}")
        except LoginError:
            return None

    def _upload(self, blob: _Blob, repository: str, location: str) -> None:
        """Sends the whole blob in one request."""
        done = 0

        def sent(count: int) -> None:
            nonlocal done
            done += count
            self.tell("uploading", repository, blob.digest, min(done, blob.size), blob.size)

        query = ("&" if "?" in location else "?") + "digest=" + blob.digest.replace(":", "%3A")
        with open(blob.path, "rb", buffering=0) as file:
            answer = self.client.request(
                "PUT",
                location + query,
                repository=repository,
                body=file,
                size=blob.size,
                again=False,
                sent=sent if self._tell else None,
                headers={"Content-Type": "application/octet-stream"},
            )
        if answer.status == 404:
            raise Interrupted("the registry forgot the upload")
        if answer.status == 400:
            _check_content(blob)
        if answer.status != 201:
            raise refusal(answer, f"upload of {blob.digest} to {repository}", self.client.name)
        blob.sent[repository] = blob.size
        self.tell("uploaded", repository, blob.digest, blob.size, blob.size)

    def _finish(self, job: Job) -> None:
        """Sends the manifest under the names that the registry lacks, and confirms digest and names."""
        for name in job.missing:
            answer = self.client.request(
                "PUT",
                f"/v2/{job.repository}/manifests/{name}",
                repository=job.repository,
                body=job.manifest,
                size=len(job.manifest),
                headers={"Content-Type": job.media_type},
            )
            if answer.status != 201:
                raise refusal(answer, f"manifest {name} of {job.repository}", self.client.name)
        names = list(dict.fromkeys([job.digest, *job.missing]))
        for name, right in zip(names, self._manifests([(job, name) for name in names]), strict=False):
            if not right:
                raise PushError(
                    f"registry {self.client.name}: accepted {job.repository} {name} but does not have {job.digest} now; check its storage, then push again"
                )
        self.tell("pushed", job.repository, job.digest, len(job.manifest), len(job.manifest))


def has_manifest(client: Registry, repository: str, digest: str) -> bool:
    """Returns whether a repository has the manifest with a digest; see exists."""
    accept = ", ".join(_MANIFESTS)
    answer = client.request("HEAD", f"/v2/{repository}/manifests/{digest}", repository=repository, headers={"Accept": accept})
    return is_manifest(client, answer, repository, digest, digest, accept)


def is_manifest(client: Registry, answer: Answer, repository: str, name: str, digest: str, accept: str) -> bool:
    """Returns whether the answer to a HEAD confirms that name, a tag or the digest itself, is the manifest with digest.

    An answer without a digest confirms nothing: then the manifest itself is fetched.

    Raises:
        PushError: the registry refuses the question, or answers with another digest than the one it was asked for.
    """
    served = None
    if answer.status == 200 and (served := answer.headers.get("docker-content-digest")) is None:
        check_no_page(answer.status, answer.headers, client.name)
        answer = client.request("GET", f"/v2/{repository}/manifests/{name}", repository=repository, headers={"Accept": accept})
        served = _digest(answer.body)
    if answer.status == 404:
        return False
    if answer.status != 200:
        raise refusal(answer, f"manifest {name} of {repository}", client.name)
    if served != digest and name == digest:
        raise PushError(f"registry {client.name}: asked for {name} of {repository}, it answered with {served!r:.100}; do not trust this registry")
    return served == digest


def _digest(data: bytes) -> str:
    """Returns the digest of data."""
    import hashlib  # only for registries whose answers have no digest

    return "sha256:" + hashlib.sha256(data).hexdigest()


def _check_content(blob: _Blob) -> None:
    """Raises InputError if the file of a blob that a registry refused is not what its digest says."""
    import hashlib  # only when something is wrong

    with open(blob.path, "rb") as file:
        found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    if found != blob.digest:
        raise InputError(f"{blob.path} has the digest {found}, but the manifest says {blob.digest}; build the image again")
