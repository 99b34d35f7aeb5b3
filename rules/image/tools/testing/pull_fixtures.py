"""Fixtures for tests of pulls: a cache in a folder of the test, and a registry with images for two platforms."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.image.tools.oci import oci
from rules.image.tools.pull import pull
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.image.tools.testing.layouts import LAYER, layout

PACKED = gzip.compress(LAYER, mtime=0)
LAYER_DIGEST = oci.sha256(PACKED)


@pytest.fixture(name="cache")
def fixture_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, in a folder of the test; the current folder is the repository's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setattr("rules.image.tools.registry.retry.FIRST_PAUSE", 0.0)
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "cache/turnup/blobs/sha256"


@pytest.fixture(name="fake")
def fixture_fake() -> Iterator[FakeRegistry]:
    """A registry with images for two platforms, an index of them, and the tag v1 for the index."""
    with FakeRegistry() as registry:
        entries = []
        for architecture in ("amd64", "arm64"):
            files = layout(architecture)
            for path, data in files.items():
                registry.blobs["a/b", "sha256:" + Path(path).name] = data
            (descriptor,) = json.loads(files["index.json"])["manifests"]
            registry.manifests["a/b", descriptor["digest"]] = registry.blobs["a/b", descriptor["digest"]]
            entries.append({**descriptor, "platform": {"os": "linux", "architecture": architecture}})
        index = oci.dump({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})
        registry.manifests["a/b", "v1"] = registry.manifests["a/b", oci.sha256(index)] = index
        yield registry


def index_digest(fake: FakeRegistry) -> str:
    """Returns the digest that the tag v1 has."""
    return oci.sha256(fake.manifests["a/b", "v1"])


def fill(fake: FakeRegistry, digest: str = "", tag: str = "", architecture: str = "amd64", repository: str = "a/b") -> None:
    """Fills the current folder as container_pull does."""
    pull.fill("it", fake.name, repository, digest, tag, architecture, "linux", "", "False")
