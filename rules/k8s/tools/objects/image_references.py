"""Image references in objects: finds them and replaces them by references with a digest."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, identity, is_config

# The part of the reference grammar of the OCI distribution specification for
# references with a digest: NAME@ALGORITHM:HEX.
_BY_DIGEST = re.compile(r"(?P<name>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_VOLUMES = "volumes"


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
    registry = registry_of(match["name"])
    repository = match["name"].removeprefix(f"{registry}/") if registry else match["name"]
    return registry, _without_tag(repository), match["digest"]


def registry_of(name: str) -> str:
    """Returns the registry that an image reference names, "" for none (see parse_digest_reference)."""
    first, slash, _ = name.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def _without_tag(repository: str) -> str:
    head, slash, last = repository.rpartition("/")
    return head + slash + last.partition(":")[0]


@dataclass(frozen=True)
class ImageUse:
    """A place in an object that names an image.

    Attributes:
        holder: the mapping with the reference, a part of the object itself.
        field: the reference's key in it.
        user: what uses the image, for people: `container 'main'` or `volume 'model'`.
    """

    holder: dict[str, Any]
    field: str
    user: str

    @property
    def reference(self) -> str:
        """The image reference."""
        reference: str = self.holder[self.field]
        return reference

    def replace(self, reference: str) -> None:
        """Writes another reference into the object."""
        self.holder[self.field] = reference


class ImageCheck(NamedTuple):
    """The images of some objects.

    Attributes:
        used: the provided references that the objects use, sorted.
        others: the references by tag that nothing provides, each with its first user.
    """

    used: list[str]
    others: dict[str, str]


def image_uses(obj: Object) -> Iterator[ImageUse]:
    """Yields every place in an object that names an image.

    These are, at any depth, in pod templates of built-in kinds and of custom resources: `image` of each item of a list named
    containers, initContainers or ephemeralContainers, and `image.reference` of each item of a list named volumes.
    """
    stack: list[Any] = [obj]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            for key, child in value.items():
                if key in (*_CONTAINER_LISTS, _VOLUMES) and isinstance(child, list):
                    yield from filter(None, (_use(key, item) for item in child if isinstance(item, dict)))
            stack.extend(reversed([child for child in value.values() if isinstance(child, (dict, list))]))


def _use(key: str, item: dict[str, Any]) -> ImageUse | None:
    """Returns the use of an image by an item of a list of containers or volumes, None for none."""
    name, image = repr(item.get("name", "?")), item.get("image")
    if key == _VOLUMES:
        return ImageUse(image, "reference", f"volume {name}") if isinstance(image, dict) and isinstance(image.get("reference"), str) else None
    return ImageUse(item, "image", f"container {name}") if isinstance(image, str) else None


def check_images(objects: Iterable[Object], provided: Iterable[str], where: str, *, by_tag: bool = False) -> ImageCheck:
    """Checks that something provides every image that the objects run.

    Args:
        objects: checked objects.
        provided: the references of image targets.
        where: the target, for errors.
        by_tag: whether images may be named by tag without being provided.

    Raises:
        TurnupError: an image is not provided and has no digest, or its digest is malformed.
    """
    known = set(provided)
    used = set()
    others: dict[str, str] = {}
    for obj in objects:
        for use in image_uses(obj):
            reference = use.reference
            if reference in known:
                used.add(reference)
            elif "@" in reference and not parse_digest_reference(reference):
                raise TurnupError(
                    f"{where}: {identity(obj)}, {use.user}: the image {reference!r} has no "
                    "valid digest. Write REPOSITORY@sha256: and exactly 64 digits of 0-9 and a-f."
                )
            elif not parse_digest_reference(reference):
                others.setdefault(reference, f"{identity(obj)}, {use.user}")
    if others and not by_tag:
        reference, user = next(iter(others.items()))
        have = ", ".join(sorted(known)) or "none"
        raise TurnupError(
            f"{where}: {user}: nothing provides the image {reference!r}. Use one of the images of this target ({have}) or a reference with a digest "
            "(REPOSITORY@sha256:…), or lock tags with image_lock."
        )
    return ImageCheck(sorted(used), others)


def substitute_images(objects: Iterable[Object], replacements: dict[str, str]) -> list[Object]:
    """Returns copies of the objects with image references replaced.

    Args:
        objects: checked objects; they are not changed.
        replacements: reference in the manifest → reference to run.
    """
    result = []
    for obj in objects:
        fresh = copy.deepcopy(obj)
        for use in image_uses(fresh):
            use.replace(replacements.get(use.reference, use.reference))
        result.append(fresh)
    return result


def find_mentions(objects: Iterable[Object], keys: Iterable[str]) -> list[tuple[Object, str]]:
    """Returns (object, key) for each text in an object that is a key of `images`, also where no container or volume names an image.

    Custom resources have images in fields of their own, such as Tekton's steps. Only a key with a tag counts there, because a text
    without one may be a path.

    Args:
        objects: checked objects.
        keys: the references of image targets.
    """
    tagged = {key for key in keys if _without_tag(key) != key}
    return [(obj, text) for obj in objects for _, _, text in _texts(obj) if text in tagged] if tagged else []


def replace_mentions(objects: Iterable[Object], replacements: dict[str, str]) -> None:
    """Replaces, in place, the texts that find_mentions finds.

    ConfigMaps and Secrets stay as they are: their names have a hash of their content.

    Args:
        objects: copies of checked objects.
        replacements: reference in the manifest → reference to run.
    """
    tagged = {key: reference for key, reference in replacements.items() if _without_tag(key) != key}
    for obj in objects if tagged else ():
        if not is_config(obj):
            for holder, key, text in list(_texts(obj)):
                if text in tagged:
                    holder[key] = tagged[text]


def _texts(obj: Object) -> Iterator[tuple[Any, Any, str]]:
    """Yields (mapping or list, key or index, text) of each text in an object."""
    stack: list[Any] = [obj]
    while stack:
        value = stack.pop()
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, str):
                yield value, key, child
            elif isinstance(child, (dict, list)):
                stack.append(child)
