"""Tests of images in manifests: files of other rules, and images by tag."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path("rules/k8s/tests")


def _image(name: str) -> str:
    """Returns the image of a target's pod, as an apply sends it."""
    (pod,) = json.loads((HERE / f"{name}.resolved.json").read_text())["objects"]
    return pod["spec"]["containers"][0]["image"]


def test_an_archive_is_resolved_to_its_images_digest() -> None:
    """A file with the archive of an image is resolved to the digest of the image."""
    assert f"example/image@{(HERE / 'image.digest').read_text()}" in (HERE / "prebuilt.resolved.json").read_text()


def test_a_lock_gives_an_image_by_tag_its_digest() -> None:
    """With image_lock the reference by tag gets the digest of the lock."""
    assert _image("locked") == "example/image:1@sha256:" + "3" * 64


def test_an_image_by_tag_can_stay_as_it_is() -> None:
    """With images = "as-is" the reference by tag is sent as the template has it."""
    assert _image("as_is") == "example/image:1"


def test_a_target_with_a_lock_has_a_target_that_updates_it() -> None:
    """NAME.update_images runs, and knows the images of NAME."""
    program = next(path for path in HERE.glob("locked.update_images*") if path.is_file() and os.access(path, os.X_OK) and ".plan." not in path.name)
    environ = {**os.environ, "RUNFILES_DIR": str(Path.cwd().parent), "BUILD_WORKSPACE_DIRECTORY": str(Path.cwd())}
    done = subprocess.run([program, "no/image:1"], capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'no/image:1' is not an image by tag of //rules/k8s/tests:locked.update_images. Use one of example/image:1." in done.stderr
