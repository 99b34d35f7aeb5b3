"""Image references in objects: finds them and replaces them by references with a digest."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, identity

# The part of the reference grammar of the OCI distribution specification for
# references with a digest: NAME@ALGORITHM:HEX.
_BY_DIGEST = re.compile(r"(?P<name>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


def parse_digest_reference(reference: str) -> tuple[str, str, str] | None:
    """Splits `REGISTRY/REPOSITORY@sha256:…`.

    Returns:
        (registry, repository, digest), or None if the reference has no digest.
        The registry is "" if the first part has neither a dot nor a colon and
        is not localhost, as in other container tools.
    """
    match = _BY_DIGEST.fullmatch(reference)
    if not match:
        return None
    name = match["name"]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, _without_tag(rest), match["digest"]
    return "", _without_tag(name), match["digest"]


def _without_tag(repository: str) -> str:
    head, slash, last = repository.rpartition("/")
    return head + slash + last.partition(":")[0]


def container_images(obj: Object) -> Iterator[tuple[dict[str, Any], str]]:
    """Yields every container of an object with its image reference.

    A container is any mapping with a string `image` in a list named
    containers, initContainers or ephemeralContainers, at any depth, in pod
    templates of built-in kinds and of custom resources.

    Yields:
        (the container mapping itself, its image reference).
    """
    stack: list[Any] = [obj]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            for key, child in value.items():
                if key in _CONTAINER_LISTS and isinstance(child, list):
                    for container in child:
                        if isinstance(container, dict) and isinstance(container.get("image"), str):
                            yield container, container["image"]
            stack.extend(reversed([child for child in value.values() if isinstance(child, (dict, list))]))


def check_images(objects: Iterable[Object], provided: Iterable[str], where: str) -> list[str]:
    """Checks that something provides every image that the objects run.

    Args:
        objects: checked objects.
        provided: the references of image targets.
        where: the target, for errors.

    Returns:
        The references among `provided` that the objects use, sorted.

    Raises:
        TurnupError: a container's image is not provided and has no digest, or its digest is malformed.
    """
    known = set(provided)
    used = set()
    for obj in objects:
        for container, reference in container_images(obj):
            if reference in known:
                used.add(reference)
            elif "@" in reference and not parse_digest_reference(reference):
                raise TurnupError(
                    f"{where}: {identity(obj)}, container {container.get('name', '?')!r}: the image {reference!r} has no "
                    "valid digest. Write REPOSITORY@sha256: and exactly 64 digits of 0-9 and a-f."
                )
            elif not parse_digest_reference(reference):
                have = ", ".join(sorted(known)) or "none"
                raise TurnupError(
                    f"{where}: {identity(obj)}, container {container.get('name', '?')!r}: nothing provides the image "
                    f"{reference!r}. Use one of the images of this target ({have}) or a reference with a digest "
                    "(REPOSITORY@sha256:…)."
                )
    return sorted(used)


def substitute_images(objects: Iterable[Object], replacements: dict[str, str]) -> list[Object]:
    """Returns copies of the objects with image references replaced.

    Args:
        objects: checked objects; they are not changed.
        replacements: reference in the manifest → reference to run.
    """
    result = []
    for obj in objects:
        fresh = copy.deepcopy(obj)
        for container, reference in container_images(fresh):
            container["image"] = replacements.get(reference, reference)
        result.append(fresh)
    return result
