"""Images for tests that push: the rules build them in //rules/image/tests."""

import json
from pathlib import Path

from rules.image.tools.push.push import Image

FOLDER = Path("rules/image/tests")


def image(name: str, repository: str, tags: tuple[str, ...] = ()) -> Image:
    """Returns a built image as push_all expects it, with the layers of its OCI layout."""
    manifest = FOLDER / f"{name}.manifest.json"
    layers = [FOLDER / f"{name}.oci/blobs/sha256" / layer["digest"][7:] for layer in json.loads(manifest.read_bytes())["layers"]]
    return Image(manifest, FOLDER / f"{name}.config.json", [(blob, blob) for blob in layers], repository, tags)


def digest(name: str) -> str:
    """Returns the digest of a built image's manifest."""
    return (FOLDER / f"{name}.digest").read_text()
