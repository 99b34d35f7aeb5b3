"""Images that other rules made, as files, stand in manifests like those of these rules."""

from pathlib import Path

HERE = Path("rules/k8s/tests")


def test_an_archive_is_resolved_to_its_images_digest() -> None:
    """The archive of an image, given as a file, has the digest of the image itself."""
    assert f"example/image@{(HERE / 'image.digest').read_text()}" in (HERE / "prebuilt.resolved.json").read_text()
