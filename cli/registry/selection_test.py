"""Tests of which images are unused."""

import pytest

from cli.registry.registry_api import StoredImage
from cli.registry.selection import find_unused, freed_bytes

HOUR = 3600
DAY = 24 * HOUR


def image(repository: str, digest: str, age: int = DAY, **more) -> StoredImage:
    """Returns an image with a manifest of 10 bytes."""
    return StoredImage(repository, digest, 10, age, **more)


def unused(images, digests=(), tags=(), older_than=HOUR) -> list[str]:
    """Returns the names of unused images."""
    return [one.name for one in find_unused(images, digests, tags, older_than)]


def test_a_used_digest_or_tag_keeps_an_image():
    """A digest keeps an image in every repository, a tag in its own."""
    images = [image("a", "d1"), image("b", "d1"), image("a", "d2", tags=("v1", "v2")), image("b", "d2", tags=("v1",)), image("a", "d3")]

    assert unused(images) == ["a@d1", "b@d1", "a@d2", "b@d2", "a@d3"]
    assert unused(images, digests={"d1"}) == ["a@d2", "b@d2", "a@d3"]
    assert unused(images, tags={"a:v2", "c:v1", "a:v3"}) == ["a@d1", "b@d1", "b@d2", "a@d3"]


def test_a_young_image_is_kept():
    """What was pushed lately may be about to run."""
    images = [image("a", "d1", age=HOUR - 1), image("a", "d2", age=HOUR)]

    assert unused(images) == ["a@d2"]
    assert unused(images, older_than=0) == ["a@d1", "a@d2"]


@pytest.mark.parametrize("used", ["outer", "index", "amd64"])
def test_an_index_and_its_images_stay_together(used):
    """Whichever of them is used, all are kept; those of another repository are not."""
    family = [image("a", "outer", manifests=("index",)), image("a", "index", manifests=("amd64", "arm64", "gone")), image("a", "amd64"), image("a", "arm64")]
    others = [image("b", "arm64"), image("a", "other")]

    assert unused([*family, *others], digests={used}) == ["b@arm64", "a@other"]
    assert unused([*others, *family]) == ["b@arm64", "a@other", "a@outer", "a@index", "a@amd64", "a@arm64"]


def test_indexes_that_name_each_other():
    """A circle ends."""
    images = [image("a", "one", manifests=("two",)), image("a", "two", manifests=("one",))]

    assert unused(images, digests={"one"}) == []
    assert unused(images) == ["a@one", "a@two"]


def test_freed_bytes_count_each_blob_once():
    """Blobs that another image needs stay, and those that several unused images share count once."""
    images = [
        image("a", "d1", blobs=(("base", 1000), ("shared", 100))),
        image("a", "d2", blobs=(("base", 1000), ("own", 7), ("shared", 100))),
        image("a", "d3", blobs=(("base", 1000),)),
        image("b", "d1", blobs=(("base", 1000), ("shared", 100))),
    ]

    assert freed_bytes(images, images[:2]) == 10 + 7
    assert freed_bytes(images, [images[0], images[1], images[3]]) == 10 + 10 + 100 + 7
    assert freed_bytes(images, images) == 30 + 1000 + 100 + 7
    assert freed_bytes(images, []) == 0
