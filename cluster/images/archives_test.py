"""Tests of image archives and of loading them on nodes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.images.archives import archive_digest, executable_image
from cluster.images.loading import load_on
from rules.common import unpacking


def _image(folder: Path, name: str = "image.tar", content: bytes = b"program") -> Path:
    executable = folder / "tool"
    executable.write_bytes(content)
    executable_image(folder / name, "example/tool:1", executable, ["/bin/tool", "run"])
    return folder / name


def test_archive_is_an_oci_layout(tmp_path: Path) -> None:
    """Every blob's name is its digest, and index, manifest, config and layer refer to each other."""
    with tarfile.open(_image(tmp_path)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}

    def blob(descriptor: dict) -> bytes:
        content = files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
        assert descriptor["size"] == len(content)
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        return content

    entry = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(blob(entry))
    config = json.loads(blob(manifest["config"]))
    layer = blob(manifest["layers"][0])

    assert entry["annotations"]["io.containerd.image.name"] == "example/tool:1"
    assert config["config"]["Entrypoint"] == ["/bin/tool", "run"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_layer_holds_the_executable(tmp_path: Path) -> None:
    """The file in the layer is executable and owned by root."""
    with tarfile.open(_image(tmp_path)) as tar:
        manifest = json.loads(tar.extractfile(_blob(tar, json.loads(tar.extractfile("index.json").read())["manifests"][0])).read())
        with tarfile.open(fileobj=tar.extractfile(_blob(tar, manifest["layers"][0]))) as layer:
            member = layer.getmember("bin/tool")
            content = layer.extractfile(member).read()

    assert (member.mode, member.uid, content) == (0o755, 0, b"program")


def _blob(tar: tarfile.TarFile, descriptor: dict) -> tarfile.TarInfo:
    return tar.getmember(f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    """Two archives of one executable have the same bytes."""
    assert _image(tmp_path, "a.tar").read_bytes() == _image(tmp_path, "b.tar").read_bytes()


def test_digest_tells_archives_apart(tmp_path: Path) -> None:
    """The digest depends on the executable, and not on the archive's name."""
    one, same, other = _image(tmp_path, "a.tar"), _image(tmp_path, "b.tar"), _image(tmp_path, "c.tar", b"changed")

    assert archive_digest(one) == archive_digest(same) != archive_digest(other)


def test_no_archive(tmp_path: Path) -> None:
    """The error for a file that is missing, not a tar archive or not an image has its name."""
    (tmp_path / "text").write_text("no tar")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    for name, reason in (("absent", "does not exist"), ("text", "not a tar"), ("empty.tar", "neither index.json")):
        with pytest.raises(ClusterError, match=f"{name}.*{reason}"):
            archive_digest(tmp_path / name)


def test_load_on_nodes_that_lack_it(tmp_path: Path) -> None:
    """Only the node without the image gets the archive, straight from the file."""
    archive = _image(tmp_path)
    runner = FakeRunner({"n1 images list": Result(0, "example/tool:1\n")})

    assert load_on(runner, [["n1"], ["n2"]], archive, "example/tool:1")
    assert ["n2", "images", "import", "-"] in runner.calls
    assert ["n1", "images", "import", "-"] not in runner.calls
    assert archive in runner.inputs


def test_load_where_it_is(tmp_path: Path) -> None:
    """If every node has the image from this archive, nothing is sent."""
    runner = FakeRunner({"n images list": Result(0, "example/tool:1\n")})

    assert not load_on(runner, [["n"]], _image(tmp_path), "example/tool:1")
    assert all("import" not in line for line in runner.lines())


def test_load_without_reference(tmp_path: Path) -> None:
    """Without a name to compare, every node gets the archive."""
    runner = FakeRunner()

    assert load_on(runner, [["n1"], ["n2"]], _image(tmp_path), None)
    assert runner.lines() == ["n1 images import -", "n2 images import -"]


def test_load_of_no_archive(tmp_path: Path) -> None:
    """A file that is not an image archive is refused before any node gets it, and the error names it."""
    (tmp_path / "notes.txt").write_text("x")
    runner = FakeRunner()

    with pytest.raises(ClusterError, match="notes.txt is not a tar archive; name an OCI or Docker image archive"):
        load_on(runner, [["n"]], tmp_path / "notes.txt", None)
    assert runner.calls == []


@pytest.mark.parametrize("kind", ["gzip", "zstd", "archive", "index", "sparse", "damaged", "cut"])
def test_load_of_an_archive_that_would_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The limits of the image rules hold before any node gets the archive: layers, the archive itself and its index."""
    monkeypatch.setattr(unpacking, "FREE", 1_000_000)
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "zstd": zstandard.ZstdCompressor().compress,
        "damaged": lambda _: gzip.compress(b"layer")[:-5],
        "cut": lambda _: zstandard.compress(b"layer")[:-3],
    }
    pack = packers.get(kind, bytes)
    archive = tmp_path / "bomb.tar"
    with tarfile.open(archive, "w:gz" if kind == "archive" else "w") as tar:
        for name, data in (("index.json", b" " * (5_000_000 if kind == "index" else 2)), ("blobs/sha256/a", pack(bytes(3_000_000)))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": "3000000000"} if kind == "sparse" and name != "index.json" else {}
            tar.addfile(member, io.BytesIO(data))
    runner = FakeRunner()
    said = {"index": "index.json has more than 4194304 bytes", "sparse": "is a sparse file", "damaged": "is damaged", "cut": "is damaged"}
    with pytest.raises(ClusterError, match=f"bomb.tar.*{said.get(kind, 'unpacks to more than 1000000 bytes')}.*again$"):
        load_on(runner, [["n"]], archive, None)
    assert runner.calls == []


def _frames(data: bytes) -> bytes:
    """Several frames of every form: with and without size and checksum, and one to be skipped."""
    forms = [{}, {"write_checksum": True}, {"write_content_size": False}, {"write_content_size": False, "write_checksum": True, "level": 19}]
    parts = [zstandard.ZstdCompressor(**form).compress(data[: 100 * 7**number]) for number, form in enumerate(forms)]
    return b"".join([*parts, b"\x5a\x2a\x4d\x18\3\0\0\0abc", zstandard.compress(bytes(300_000)), zstandard.compress(b"")])


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress, _frames, bytes])
def test_load_of_compressed_layers(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Archives with layers of any compression, compressed themselves or not, are sent as they are."""
    for mode in ("w", "w:gz", "w:xz"):
        with tarfile.open(tmp_path / "image.tar", mode) as tar:
            for name, data in (("index.json", b"{}"), ("blobs/sha256/a", pack(random.Random(1).randbytes(300_000))), ("blobs/sha256/b", b"{}")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        runner = FakeRunner()
        assert load_on(runner, [["n"]], tmp_path / "image.tar", None)
        assert runner.lines() == ["n images import -"]


def test_load_of_another_name(tmp_path: Path) -> None:
    """The error for an archive without the wanted image names both."""
    runner = FakeRunner({"n images label": Result(1, "", "not found")})

    with pytest.raises(ClusterError, match="image.tar has no image named other:1"):
        load_on(runner, [["n"]], _image(tmp_path), "other:1")
