"""Reads push plans, the one format in which the rules say what a push sends where.

`plan.py` writes the format and describes it. A plan is read without a parser, because a parser takes longer to load than a
small push takes.
"""

from __future__ import annotations

import os

from rules.image.tools.errors import InputError
from rules.image.tools.push.transfer import Job

TYPE_CHECKING = False  # typing takes 3 ms to load
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class RegistryJobs:
    """What a plan sends to one registry.

    Attributes:
        registry: HOST or HOST:PORT.
        plain: whether the plan asks for plain HTTP.
        jobs: the images; what an index refers to comes before it.
    """

    __slots__ = ("jobs", "plain", "registry")

    def __init__(self, registry: str, plain: bool) -> None:
        self.registry = registry
        self.plain = plain
        self.jobs: list[Job] = []


def read_plan(path: str | Path, root: str | Path) -> list[RegistryJobs]:
    """Returns the jobs of a plan, grouped by registry.

    Args:
        path: the plan.
        root: the folder that paths in the plan are relative to.

    Raises:
        InputError: a file of an image is missing, or its size differs from the size in the manifest.
    """
    groups: list[RegistryJobs] = []
    for kind, *words in _lines(path):
        if kind == "registry":
            groups.append(RegistryJobs(words[0], words[1] == "plain"))
        elif kind in ("image", "part"):
            repository, digest, media_type, _, file = words
            groups[-1].jobs.append(Job(repository, (), _content(f"{root}/{file}"), media_type, digest, {}, part=kind == "part"))
        elif kind == "tag":
            groups[-1].jobs[-1].tags += (words[0],)
        elif kind == "blob":
            digest, size, file = words
            _check_size(f"{root}/{file}", int(size))
            groups[-1].jobs[-1].blobs[digest] = (int(size), f"{root}/{file}")
    return groups


def check_names(jobs: Iterable[tuple[str, Job]]) -> None:
    """Checks that no two images would be pushed under one name, because the last one to arrive would get it.

    Args:
        jobs: pairs of registry and job.

    Raises:
        InputError: two images have one name.
    """
    named: dict[str, str] = {}
    for registry, job in jobs:
        for tag in job.tags:
            name = f"{registry}/{job.repository}:{tag}"
            if named.setdefault(name, job.digest) != job.digest:
                raise InputError(
                    f"{name}: two images would get this name, {named[name]} and {job.digest}; leave out --repository or --tag, or push them one by one"
                )


def check_stamped(names: Iterable[str]) -> None:
    """Checks that names have no stamp variables, which a plan keeps if it was built without --stamp.

    Args:
        names: registry, repository and tags of an image.

    Raises:
        InputError: a name has one.
    """
    for name in names:
        if "{" in name:
            raise InputError(f"{name!r} has a stamp variable, and the target was built without --stamp; run it with --stamp, or set stamp = True")


def _lines(path: str | Path) -> list[list[str]]:
    """Returns the words of each line of a plan."""
    try:
        with open(path, encoding="utf-8") as file:
            return [line.rstrip("\n").split("\t") for line in file]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; build the image again") from None


def _content(path: str) -> bytes:
    """Returns a file's bytes."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; build the image again") from None


def _check_size(path: str, size: int) -> None:
    """Raises InputError unless a file exists and has that many bytes."""
    try:
        found = os.stat(path).st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; build the image again") from None
    if found != size:
        raise InputError(f"{path} has {found} bytes, but its manifest says {size}; build the image again")
