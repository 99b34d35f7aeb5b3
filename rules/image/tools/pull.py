"""Pull an image from a registry, by digest, into the cache of this user and from there into a repository of Bazel.

As a program, run by the container_pull repository rule in the folder that it fills:

    pull NAME REGISTRY REPOSITORY DIGEST TAG ARCHITECTURE OS VARIANT INSECURE

Each blob is held to its size while it arrives and to its sha256 before it is used, and kept under its digest in ~/.cache/turnup/blobs, so that
a second workspace fetches nothing. What broke off is continued from where it stopped. Warnings go to stdout.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import urllib.parse
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Iterator, Mapping, Sequence

from rules.image.tools import importing, oci
from rules.image.tools.apt import cache_dir
from rules.image.tools.errors import PushError, run
from rules.image.tools.refusals import check_tls, detail
from rules.image.tools.registry import ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, Registry
from rules.image.tools.wire import Answer

_BLOCK = 1 << 20
_REDIRECTS = 5
_TIMEOUT = 60.0  # seconds without a byte
_AGAIN = (408, 429, 500, 502, 503, 504)
_ACCEPT = ", ".join((*oci.MANIFESTS, *oci.INDEXES))
_DOCKER_HUB = ("docker.io", "index.docker.io")
_CURES = {
    401: "log in with docker login {registry}",
    403: "ask for the right to pull from there, or log in with docker login {registry}",
    404: "check repository, digest and tag",
}


class _Again(Exception):
    """A transfer broke off and may be continued; the message says how."""


class Puller(Registry):
    """A registry, with downloads that are as large as they may be; see Registry for the arguments."""

    actions = "pull"

    def manifest(self, repository: str, name: str) -> bytes:
        """Return a manifest or index by its digest, verified, or by its tag.

        Raises:
            PushError: the registry refuses, does not answer, or answers with something else.
        """
        where = f"registry {self.name}: {repository} {name}"
        answer = self.request("GET", f"/v2/{repository}/manifests/{name}", repository=repository, headers={"Accept": _ACCEPT})
        if answer.status != 200:
            raise _refusal(self.name, f"{repository} {name}", answer)
        if len(answer.body) > oci.MAX_JSON:
            raise PushError(f"{where}: a manifest of more than {oci.MAX_JSON} bytes; name another image")
        if name.startswith("sha256:") and oci.sha256(answer.body) != name:
            raise PushError(f"{where}: it answered with {oci.sha256(answer.body)}; do not trust this registry, or the proxy before it")
        return answer.body

    def blob(self, repository: str, descriptor: Mapping[str, Any], out: Path) -> None:
        """Download a blob to out, from where an earlier attempt stopped, and verify it.

        Args:
            repository: repository in the registry.
            descriptor: its checked digest and size.
            out: file to write; what it has already is kept if it fits. Complete and verified when this returns.

        Raises:
            PushError: the registry refuses or does not answer, or sends something else; that is removed.
        """
        digest, size = descriptor["digest"], descriptor["size"]
        where = f"registry {self.name}: {digest} of {repository}"
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with open(out, "a+b") as file:
                    self._continue(repository, digest, size, file)
                    file.seek(0)
                    found = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
                if found == digest:
                    return
                out.unlink()
                raise PushError(f"{where}: what arrived has the digest {found}; do not trust this registry, or the proxy before it")
            except (_Again, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
            if attempt < ATTEMPTS:
                self.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        raise PushError(f"{where}: {problem}, {ATTEMPTS} times; check the registry and the network, then run this again")

    def _continue(self, repository: str, digest: str, size: int, file: IO[bytes]) -> None:
        """Append to a file what it lacks of a blob."""
        have = file.seek(0, os.SEEK_END)
        if have > size:
            file.truncate(have := 0)
        if have == size:
            return
        with self._get(repository, digest, have) as response:
            if response.status == 200:
                file.truncate(have := 0)
            elif not re.match(rf"bytes {have}-", response.headers.get("Content-Range", "")):
                file.truncate(0)
                raise _Again("the answer is not the part that was asked for")
            while data := response.read(_BLOCK):
                have += len(data)
                if have > size:
                    file.truncate(0)
                    raise PushError(f"registry {self.name}: {digest} of {repository}: sent more than its {size} bytes; do not trust this registry, or the proxy before it")
                file.write(data)
        if have < size:
            raise _Again(f"broke off after {have} of {size} bytes")

    @contextmanager
    def _get(self, repository: str, digest: str, offset: int) -> Iterator[http.client.HTTPResponse]:
        """Ask for a blob from an offset on; follow redirects to the registry's storage, which gets no login, whatever it asks for."""
        path = f"/v2/{repository}/blobs/{digest}"
        part = {"Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
        connection, used, away = self._open(self.plain, self.name), self._known(repository), False
        try:
            for _ in range(_REDIRECTS):
                connection.request("GET", path, headers={**part, **({"Authorization": used} if used else {})})
                response = connection.getresponse()
                if response.status in (200, 206):
                    yield response
                    return
                body = response.read(1 << 16)
                answer = Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, body)
                if away and response.status == 401:
                    raise PushError(f"registry {self.name}: {digest} of {repository}: its storage {connection.host} answered 401; logins are not sent there, check the registry's storage")
                if response.status == 401 and (known := self._authorize(answer, repository, used)):
                    used = known
                elif response.status in (301, 302, 303, 307, 308):
                    connection.close()
                    connection, path = self._elsewhere(answer.headers.get("location", ""), path)
                    used, away = None, True
                elif response.status in _AGAIN:
                    raise _Again(f"answered {response.status}")
                else:
                    raise _refusal(self.name, f"{digest} of {repository}", answer)
            raise PushError(f"registry {self.name}: {digest} of {repository}: {_REDIRECTS} redirects and no blob; check the registry's log")
        except OSError as error:
            check_tls(error, connection.host)
            raise
        finally:
            connection.close()

    @staticmethod
    def _open(plain: bool, netloc: str) -> http.client.HTTPConnection:
        """Return a connection that its first request opens."""
        kind = http.client.HTTPConnection if plain else http.client.HTTPSConnection
        return kind(netloc, timeout=_TIMEOUT)

    def _elsewhere(self, location: str, path: str) -> tuple[http.client.HTTPConnection, str]:
        """Return a connection to where a redirect leads, and the path there."""
        base = f"{'http' if self.plain else 'https'}://{self.name}{path}"
        try:
            parts = urllib.parse.urlsplit(urllib.parse.urljoin(base, location))
            good = parts.port is None or parts.port > 0
        except ValueError:  # half an IPv6 address, or no number for a port
            parts, good = urllib.parse.urlsplit(""), False
        good = good and location.isascii() and " " not in location and location.isprintable()
        if not good or parts.scheme not in (("https", "http") if self.plain else ("https",)) or not parts.hostname:
            raise PushError(f"registry {self.name}: sends to {location!r:.200}, which is no https address; check the registry")
        connection = self._open(parts.scheme == "http", parts.netloc.rpartition("@")[2])
        return connection, urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))


def _refusal(registry: str, what: str, answer: Answer) -> PushError:
    """Return the error for an answer that ends a pull."""
    cure = _CURES.get(answer.status, "check the registry's log").format(registry=registry)
    return PushError(f"registry {registry}: {what}: answered {answer.status}{detail(answer)}; {cure}")


class Cache:
    """Verified blobs and manifests of this user, by digest.

    Args:
        folder: where. None: blobs/sha256 in the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_dir() / "blobs" / "sha256"
        self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the cache keeps a blob."""
        return self._folder / digest.removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        """Say whether the cache has a blob, whole; a damaged one is removed."""
        path = self.path(digest)
        if not path.exists():
            return False
        with open(path, "rb") as file:
            if "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return True
        path.unlink()
        return False

    @contextmanager
    def filling(self, digest: str) -> Iterator[Path]:
        """Yield the file to download a blob to, for one process at a time; it becomes the blob when this ends well."""
        partial = self.path(digest).with_suffix(".partial")
        with open(self._folder / f"lock-{digest[-2:]}", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield partial
            except OSError as error:
                partial.unlink(missing_ok=True)  # a full disk gets its room back
                raise OSError(error.errno, error.strerror or str(error), str(partial)) from None
            if partial.exists():
                partial.chmod(0o444)  # Bazel's repositories have links to it
                os.replace(partial, self.path(digest))

    def data(self, digest: str) -> bytes | None:
        """Return a manifest's or config's bytes, None where the cache does not have them."""
        return self.path(digest).read_bytes() if self.has(digest) else None

    def keep(self, data: bytes) -> None:
        """Keep a verified manifest."""
        with self.filling(oci.sha256(data)) as partial:
            partial.write_bytes(data)


def pull(client: Puller, repository: str, name: str, cache: Cache, *, architecture: str, system: str, variant: str = "") -> importing.Stored:
    """Bring an image into the cache.

    Args:
        client: its registry.
        repository: repository there.
        name: digest of a manifest or index, or a tag.
        cache: where to.
        architecture: of the image to choose from an index, as system and variant.
        system: operating system.
        variant: of the architecture; empty: any.

    Returns:
        The image; its layers are in the cache.

    Raises:
        PushError: the registry refuses, does not answer, or sends something else.
        InputError: what it has is no image, or none for this platform.
    """
    where = f"{client.name}/{repository}{'@' if name.startswith('sha256:') else ':'}{name}"

    def manifest(wanted: str) -> bytes:
        data = cache.data(wanted) if wanted.startswith("sha256:") else None
        if data is None:
            data = client.manifest(repository, wanted)
            cache.keep(data)
        return data

    def named(descriptor: Mapping[str, Any]) -> bytes:
        return manifest(oci.check_digest(descriptor.get("digest"), f"{where}: digest"))

    data, parsed = importing.resolve(named, manifest(name), architecture, system, where, variant)
    for descriptor in [parsed["config"], *parsed["layers"]]:
        if not cache.has(descriptor["digest"]):
            with cache.filling(descriptor["digest"]) as partial:
                if not cache.has(descriptor["digest"]):  # another process may have brought it meanwhile
                    client.blob(repository, descriptor, partial)
    config = cache.data(parsed["config"]["digest"]) or b""
    return importing.Stored(data, config, importing.describe(parsed, config, where))


_BUILD = '''load("@turnup//rules/image/private:imported_image.bzl", "imported_image")

imported_image(
    name = "image",
    blobs = {blobs},
    config = "config.json",
    descriptors = {descriptors},
    digest = "digest",
    manifest = "manifest.json",
    visibility = ["//visibility:public"],
)
'''


def write_package(stored: importing.Stored, folder: Path) -> None:
    """Write a package with a target `image` beside its layers, which are there already."""
    (folder / "manifest.json").write_bytes(stored.manifest)
    (folder / "config.json").write_bytes(stored.config)
    (folder / "digest").write_text(oci.sha256(stored.manifest), "ascii")
    numbers = range(len(stored.layers))
    for number in numbers:
        (folder / f"layers/{number}.json").write_bytes(oci.dump(stored.layers[number]))
    blobs, descriptors = ([f"layers/{number}{ending}" for number in numbers] for ending in ("", ".json"))
    (folder / "BUILD").write_text(_BUILD.format(blobs=json.dumps(blobs), descriptors=json.dumps(descriptors)), "utf-8")


def _link(source: Path, target: Path) -> None:
    """Put a file of the cache into a repository, without a copy where both are on one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def fill(name: str, registry: str, repository: str, digest: str, tag: str, architecture: str, system: str, variant: str, insecure: str) -> None:
    """Fill the folder `image` from a registry.

    Args:
        name: of the container_pull.
        registry: HOST[:PORT], or docker.io.
        repository: repository there.
        digest: of a manifest or index; empty: what the tag is now, with a warning.
        tag: empty: latest.
        architecture: of the image to choose from an index, as system and variant.
        system: operating system.
        variant: of the architecture; empty: any.
        insecure: `True` for plain HTTP.

    Raises:
        PushError: the registry refuses, does not answer, or sends something else.
        InputError: an argument is malformed, or what the registry has is no image, or none for this platform.
    """
    where = f"container_pull {name}"
    if registry in _DOCKER_HUB:
        registry, repository = "registry-1.docker.io", repository if "/" in repository else f"library/{repository}"
    oci.check_repository(repository, f"{where}: repository")
    if digest:
        oci.check_digest(digest, f"{where}: digest")
    else:
        oci.check_tag(tag := tag or "latest", f"{where}: tag")
    client, cache = Puller(registry, insecure=True if insecure == "True" else None), Cache()
    try:
        if not digest:
            data = client.manifest(repository, tag)
            cache.keep(data)
            digest = oci.sha256(data)
            print(f'WARNING: {where}: the tag {tag} is an image today and may be another tomorrow: set digest = "{digest}"')
        stored = pull(client, repository, digest, cache, architecture=architecture, system=system, variant=variant)
    finally:
        client.close()
    layers = Path("image/layers")
    layers.mkdir(parents=True)
    for number, layer in enumerate(stored.layers):
        _link(cache.path(layer["digest"]), layers / str(number))
    write_package(stored, Path("image"))


def main(argv: Sequence[str]) -> int:
    """Fill the current folder as the arguments say (see the module's text)."""
    if len(argv) != 9:
        print("ERROR: usage: pull NAME REGISTRY REPOSITORY DIGEST TAG ARCHITECTURE OS VARIANT INSECURE", file=sys.stderr)
        return 2
    fill(*argv)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
