"""Tests of pulls from public registries."""

import json
from pathlib import Path

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.pull import pull
from rules.image.tools.push.push import push_all
from tests.registries.images import digest, image

START = Path.cwd()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch) -> None:
    """Sets the user's cache to a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "repository").mkdir()


def _pull(registry, digest_or_nothing: str, tag: str = "") -> None:
    """Writes an image to the current folder, as container_pull does."""
    pull.fill("it", registry.name, "shop/hello", digest_or_nothing, tag, "amd64", "linux", "", "False")


@pytest.fixture(name="pushed")
def _pushed(registry):
    """Returns a registry with an image, and the image's digest."""
    push_all([image("hello", "shop/hello", ("v1",))], registry.name)
    return registry, digest("hello")


def test_a_pushed_image_is_pulled(pushed, tmp_path, monkeypatch) -> None:
    """A pull by digest or by tag gets the pushed manifest and each blob once; a second pull sends no requests."""
    registry, wanted = pushed
    monkeypatch.chdir(tmp_path / "repository")
    _pull(registry, wanted)
    assert Path("image/digest").read_text() == wanted
    layers = json.loads(Path("image/manifest.json").read_bytes())["layers"]
    assert [Path(f"image/layers/{number}").stat().st_size for number in range(len(layers))] == [layer["size"] for layer in layers]
    registry.requests("GET")
    for folder, arguments in (("again", (wanted,)), ("tag", ("", "v1"))):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        _pull(registry, *arguments)
    assert registry.requests("GET") == ["/v2/shop/hello/manifests/v1"]


def test_an_interrupted_download_continues(pushed, tmp_path, monkeypatch) -> None:
    """An interrupted download continues with a range request."""
    registry, wanted = pushed
    blob = image("hello", "x").layers[0][0]
    monkeypatch.chdir(tmp_path / "repository")
    cache = tmp_path / "cache/turnup/blobs/sha256"
    cache.mkdir(parents=True)
    with open(START / blob, "rb") as source:
        (cache / f"{blob.name}.partial").write_bytes(source.read(100_000))
    _pull(registry, wanted)
    assert (cache / blob.name).stat().st_size > 100_000
    log = (registry.folder / "log").read_text()
    assert any(f"blobs/sha256:{blob.name}" in line and " 206 " in line for line in log.splitlines())


def test_a_missing_image(registry) -> None:
    """The error for a missing image is one sentence, and nothing is written."""
    with pytest.raises(PushError, match="answered 404.*; check repository, digest and tag"):
        _pull(registry, "sha256:" + "0" * 64)
