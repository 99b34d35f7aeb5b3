"""Which images of a registry nothing uses, and what deleting them frees."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from cli.registry.registry_api import StoredImage


def find_unused(images: Sequence[StoredImage], digests: Collection[str], tags: Collection[str], older_than: float) -> list[StoredImage]:
    """Returns the images that nothing uses, in their order.

    An index and the images that it names stay or go together: a node that pulled the index may report the image.

    Args:
        images: all images of the registry.
        digests: the digests that are used.
        tags: REPOSITORY:TAG of the tags that are used.
        older_than: seconds; what was pushed or asked for since then counts as used.
    """
    parents: dict[tuple[str, str], list[StoredImage]] = {}
    by_key = {(image.repository, image.digest): image for image in images}
    for image in images:
        for child in image.manifests:
            parents.setdefault((image.repository, child), []).append(image)
    waiting = [image for image in images if _is_used(image, digests, tags, older_than)]
    used: set[tuple[str, str]] = set()
    while waiting:
        image = waiting.pop()
        key = (image.repository, image.digest)
        if key not in used:
            used.add(key)
            waiting += [by_key[image.repository, child] for child in image.manifests if (image.repository, child) in by_key]
            waiting += parents.get(key, [])
    return [image for image in images if (image.repository, image.digest) not in used]


def _is_used(image: StoredImage, digests: Collection[str], tags: Collection[str], older_than: float) -> bool:
    return image.age < older_than or image.digest in digests or any(f"{image.repository}:{tag}" in tags for tag in image.tags)


def freed_bytes(images: Iterable[StoredImage], unused: Iterable[StoredImage]) -> int:
    """Returns how many bytes the deletion of some images frees: what no other image needs, each blob once."""
    going = {image.name: image for image in unused}
    needed: set[str] = set()
    for image in images:
        if image.name not in going:
            needed.add(image.digest)
            needed.update(digest for digest, _ in image.blobs)
    sizes: dict[str, int] = {}
    for image in going.values():
        sizes[image.digest] = image.size
        sizes.update(image.blobs)
    return sum(size for digest, size in sizes.items() if digest not in needed)
