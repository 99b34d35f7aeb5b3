"""Tests of images of other rules, as files, in manifests."""

from pathlib import Path

HERE = Path("rules/k8s/tests")


def test_an_archive_is_resolved_to_its_images_digest() -> None:
    """A file with the archive of an image is resolved to the digest of the image."""
    assert f"example/image@{(HERE / 'image.digest').read_text()}" in (HERE / "prebuilt.resolved.json").read_text()
