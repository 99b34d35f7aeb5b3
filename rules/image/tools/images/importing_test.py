"""Tests of images made elsewhere: what is read from layouts and archives, and what is refused."""

import gzip
import hashlib
import io
import json
import os
import resource
import tarfile
from pathlib import Path

import pytest
import zstandard

from rules.image.tools import errors
from rules.image.tools.errors import InputError
from rules.image.tools.images import importing
from rules.image.tools.oci import image_files, oci
from rules.image.tools.testing.layouts import LAYER, layout, tar_of, write

DOCKER = "application/vnd.docker."


def run(tmp_path: Path, *paths: Path, architecture: str = "") -> importing.ImportedImage:
    """Imports paths into tmp_path/out."""
    (tmp_path / "out").mkdir(exist_ok=True)
    return run_into(tmp_path / "out", *paths, architecture=architecture)


def run_into(out: Path, *paths: Path, architecture: str = "") -> importing.ImportedImage:
    """Imports paths into a folder."""
    return importing.read(importing.open_source("it", paths), out, architecture=architecture)


def archive(tmp_path: Path, data: bytes) -> Path:
    """Writes a tar and returns its path."""
    (tmp_path / "it.tar").write_bytes(data)
    return tmp_path / "it.tar"


@pytest.mark.parametrize("form", ["folder", "files", "tar", "tar.gz"])
def test_a_layout_is_read_in_each_form(tmp_path, form) -> None:
    """A folder, its files, a tar and a compressed tar give the same image, with the layout's digest."""
    files = layout()
    folder = write(files, tmp_path / "layout")
    paths = {
        "folder": [folder],
        "files": [folder / name for name in files],
        "tar": [archive(tmp_path, tar_of({f"./{name}": data for name, data in files.items()}))],
        "tar.gz": [archive(tmp_path, gzip.compress(tar_of(files)))],
    }[form]
    stored = run(tmp_path, *paths)
    assert oci.sha256(stored.manifest) == json.loads(files["index.json"])["manifests"][0]["digest"]
    assert gzip.decompress((tmp_path / "out/0").read_bytes()) == LAYER
    assert json.loads((tmp_path / "out/0.json").read_bytes())["diff_id"] == oci.sha256(LAYER)


def test_the_program_writes_what_the_other_tools_read(tmp_path) -> None:
    """main writes manifest, config, digest and a folder of layers that image_files.read accepts."""
    folder = write(layout(), tmp_path / "layout")
    out = {name: str(tmp_path / name) for name in ("manifest", "config", "digest", "layers")}
    assert importing.main(["--where", "//a:b", *(word for name, path in out.items() for word in (f"--{name}", path)), str(folder)]) == 0
    files = image_files.read(out["manifest"], out["config"], [out["layers"]])
    assert files.digest == Path(out["digest"]).read_text()
    assert [path.name for _, path in files.blobs.values()] == ["config", "0"]


def test_docker_media_types_are_kept_and_translated_for_what_builds_on_them(tmp_path) -> None:
    """A schema 2 manifest stays byte for byte; its layers' descriptors are in OCI's words."""
    files = layout(kind=f"{DOCKER}image.rootfs.diff.tar.gzip", manifest_type=oci.DOCKER_MANIFEST)
    stored = run(tmp_path, write(files, tmp_path / "layout"))
    assert json.loads(stored.manifest)["mediaType"] == oci.DOCKER_MANIFEST
    assert stored.layers[0]["mediaType"] == oci.LAYER_GZIP


@pytest.mark.parametrize("packed", [None, "gzip", "zstd"])
def test_docker_save_is_read(tmp_path, packed) -> None:
    """A docker save archive with plain or compressed layers gets the manifest that it lacks; its links are followed inside."""
    layer = {None: LAYER, "gzip": gzip.compress(LAYER, mtime=0), "zstd": zstandard.compress(LAYER)}[packed]
    config = oci.dump({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [oci.sha256(LAYER)] * 2}})
    listed = json.dumps([{"Config": "c.json", "RepoTags": ["a:b"], "Layers": ["1/layer.tar", "2/layer.tar"]}]).encode()
    data = tar_of({"manifest.json": listed, "c.json": config, "1/layer.tar": layer}, {"2/layer.tar": "../1/layer.tar"})
    stored = run(tmp_path, archive(tmp_path, data))
    kinds = {None: oci.LAYER_TAR, "gzip": oci.LAYER_GZIP, "zstd": oci.LAYER_ZSTD}
    assert [layer["mediaType"] for layer in oci.check_manifest(stored.manifest, "it")["layers"]] == [kinds[packed]] * 2
    assert (tmp_path / "out/1").read_bytes() == layer


def _index(*platforms: tuple[str, str, str]) -> dict:
    """Returns an index with a manifest for each (os, architecture, variant)."""
    names = ("os", "architecture", "variant")
    return {
        "manifests": [{"digest": f"sha256:{number:064}", "platform": dict(zip(names, platform, strict=False))} for number, platform in enumerate(platforms)]
    }


def test_the_image_for_a_platform_is_chosen() -> None:
    """Architecture, os and variant decide; attestations are passed over; of several variants the newest is taken."""
    index = _index(("linux", "amd64", ""), ("linux", "arm", "v6"), ("linux", "arm", "v7"), ("unknown", "unknown", ""), ("windows", "amd64", ""))
    found = [importing.choose(index, *wanted, where="it") for wanted in (("amd64", ""), ("arm", "linux"), ("amd64", "windows"))]
    assert [entry["digest"][-1] for entry in found] == ["0", "2", "4"]
    assert importing.choose(index, "arm", "linux", "it", "v6")["digest"][-1] == "1"
    with pytest.raises(InputError, match=r"^it has no image for linux/s390x, only for linux/amd64, linux/arm/v6, .*; set architecture"):
        importing.choose(index, "s390x", "linux", "it")


def test_of_equal_platforms_none_is_guessed() -> None:
    """One image under two names is one image; two images for one platform are an error; the newer of two Windows versions is taken."""
    index = _index(("linux", "amd64", ""), ("linux", "arm64", ""))
    index["manifests"].append({**index["manifests"][0], "annotations": {"org.opencontainers.image.ref.name": "again"}})
    assert importing.choose(index, "amd64", "linux", "it")["digest"][-1] == "0"
    with pytest.raises(InputError, match=r"^it: two images for linux/amd64, sha256:0+ and sha256:0+1; take one by its digest, or give a layout"):
        importing.choose(_index(("linux", "amd64", ""), ("linux", "amd64", "")), "amd64", "linux", "it")
    index = _index(("windows", "amd64", ""), ("windows", "amd64", ""))
    for entry, version in zip(index["manifests"], ("10.0.20348.1", "10.0.17763.1"), strict=False):
        entry["platform"]["os.version"] = version
    assert importing.choose(index, "amd64", "windows", "it")["digest"][-1] == "0"


@pytest.mark.parametrize("form", ["layout", "docker"])
def test_a_single_image_for_another_architecture_is_refused(tmp_path, form: str) -> None:
    """An archive with an image for amd64 only is refused for arm64."""
    files = layout()
    if form == "docker":
        config = oci.dump({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [oci.sha256(LAYER)]}})
        files = {"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"]}]).encode(), "c": config, "l": LAYER}
    path = archive(tmp_path, tar_of(files))
    with pytest.raises(InputError, match="^it: architecture 'arm64' was requested, but the image is for 'amd64'"):
        run(tmp_path, path, architecture="arm64")


def test_which_machine_builds_does_not_decide(monkeypatch) -> None:
    """Without an architecture, amd64 is taken of several, even on an arm64 machine; a single image is always taken."""
    monkeypatch.setattr(importing.os, "uname", lambda: os.uname_result(("Linux", "h", "r", "v", "aarch64")))
    index = _index(("linux", "arm64", ""), ("linux", "amd64", ""))
    assert importing.choose(index, "", "linux", "it")["digest"][-1] == "1"
    assert importing.choose(_index(("linux", "arm64", "")), "", "linux", "it")["digest"][-1] == "0"


def _damaged(change: str) -> dict[str, bytes]:
    """Returns a layout with one thing wrong."""
    files = layout()
    manifest = json.loads(files["index.json"])["manifests"][0]["digest"]
    layer = image_files.blob_path(oci.sha256(gzip.compress(LAYER, mtime=0)))
    if change == "flipped":
        files[layer] = files[layer][:-1] + b"?"
    elif change == "short":
        files[layer] = files[layer][:-1]
    elif change == "long":
        files[layer] += b"?"
    elif change == "no layer":
        del files[layer]
    elif change == "manifest":
        files[image_files.blob_path(manifest)] += b" "
    elif change == "climbs":
        files["index.json"] = files["index.json"].replace(manifest.encode(), b"sha256:../../../../etc/passwd")
    elif change == "large":
        files["index.json"] = b" " * (oci.MAX_JSON + 1)
    elif change == "loop":
        index = oci.dump({"manifests": [{"digest": "sha256:" + "0" * 64}]})
        files["index.json"] = index
        files["blobs/sha256/" + "0" * 64] = index
    return files


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("flipped", "has the digest sha256:.* it is damaged"), ("short", "bytes, .* are expected"), ("long", "has more than .* bytes"),
        ("no layer", "is referenced but missing"), ("manifest", "it is damaged"), ("climbs", "is not a digest"),
        ("large", "too many for an image's metadata"), ("loop", "has the digest"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["folder", "tar"])
def test_a_damaged_or_hostile_layout_is_refused(tmp_path, change, words, form) -> None:
    """Each error is one sentence that names the archive, and no layer is left behind."""
    files = _damaged(change)
    path = write(files, tmp_path / "layout") if form == "folder" else archive(tmp_path, tar_of(files))
    with pytest.raises(InputError, match=rf"^it: .*{words}"):
        run(tmp_path, path)
    assert list((tmp_path / "out").iterdir()) == []


def test_links_that_lead_out_of_an_archive_lead_nowhere(tmp_path) -> None:
    """A tar's link is resolved in the tar, so a link to the machine's files or to itself is a missing file."""
    for target in ("/etc/passwd", "../../../../../../etc/passwd", "layer.tar"):
        config = oci.dump({"rootfs": {"diff_ids": [oci.sha256(LAYER)]}})
        listed = json.dumps([{"Config": "c.json", "Layers": ["layer.tar"]}]).encode()
        data = tar_of({"manifest.json": listed, "c.json": config}, {"layer.tar": target})
        with pytest.raises(InputError, match="the layer 'layer.tar' is referenced but missing"):
            run(tmp_path, archive(tmp_path, data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"words", "it is not a readable tar"),
        (tar_of({"a": b""}), "it: .*neither index.json nor manifest.json"),
        (gzip.compress(tar_of(layout()))[:-40], "it is not a readable tar"),
        (tar_of({"manifest.json": b"[{},{}]"}), "it: .*lists 2 images; save one image alone"),
        (tar_of({"manifest.json": b"[{}]"}), "it: .*names no config"),
        (tar_of({"manifest.json": b"{"}), "it: .*not readable as JSON"),
    ],
)
def test_a_file_that_is_no_image_is_refused(tmp_path, data, words) -> None:
    """Text, a tar of something else, a truncated and an ambiguous archive: one sentence each."""
    with pytest.raises(InputError, match=f"^{words}"):
        run(tmp_path, archive(tmp_path, data))


def test_a_layer_that_is_not_what_the_config_says_is_refused(tmp_path) -> None:
    """The digest of a layer's content is compared, because docker save has no digest of the compressed layer."""
    config = oci.dump({"rootfs": {"diff_ids": ["sha256:" + "0" * 64]}})
    listed = json.dumps([{"Config": "c.json", "Layers": ["l"]}]).encode()
    for layer in (LAYER, gzip.compress(LAYER)):
        with pytest.raises(InputError, match=f"the layer 'l' is {oci.sha256(LAYER)}, but its config says sha256:000"):
            run(tmp_path, archive(tmp_path, tar_of({"manifest.json": listed, "c.json": config, "l": layer})))
    with pytest.raises(InputError, match="damaged or cut short"):
        run(tmp_path, archive(tmp_path, tar_of({"manifest.json": listed, "c.json": config, "l": gzip.compress(LAYER)[:-9]})))


def test_a_layout_whose_layer_unpacks_to_something_else_is_refused(tmp_path) -> None:
    """A layer that a runtime would refuse is refused, with the config's digest."""
    with pytest.raises(InputError, match=f"unpacks to {oci.sha256(b'other')}, but its config says {oci.sha256(LAYER)}"):
        run(tmp_path, write(layout(layer=gzip.compress(b"other")), tmp_path / "in"))


def test_a_layout_whose_layer_would_fill_the_disk_is_refused(tmp_path, monkeypatch) -> None:
    """A layer that can't be unpacked is refused."""
    monkeypatch.setattr(importing.unpacking, "FREE", 1 << 20)
    with pytest.raises(InputError, match="unpacks to more than"):
        run(tmp_path, write(layout(layer=gzip.compress(bytes(64 << 20))), tmp_path / "in"))


def test_schema_1_is_refused_with_what_to_do() -> None:
    """The error for Docker's first format says how to convert the image."""
    with pytest.raises(InputError, match="docker's schema 1.*push it again with a current docker, or copy it with skopeo"):
        oci.check_manifest(b'{"schemaVersion": 1, "fsLayers": []}', "it")


def test_files_of_no_layout_are_refused(tmp_path) -> None:
    """Several files without one index.json are not a layout; a folder of layers with another file is not one either."""
    write({"a": b"", "b": b""}, tmp_path)
    with pytest.raises(InputError, match="found 2 files, 0 of them named index.json"):
        run(tmp_path, tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="not a folder of layers"):
        image_files.layer_blobs([tmp_path])


def test_equal_bytes_each_time(tmp_path) -> None:
    """The manifest written for a docker archive depends only on the archive."""
    config = oci.dump({"rootfs": {"diff_ids": [oci.sha256(LAYER)]}})
    data = tar_of({"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"]}]).encode(), "c": config, "l": LAYER})
    digests = {hashlib.sha256(run(tmp_path, archive(tmp_path, data)).manifest).hexdigest() for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.parametrize("headers", [{"GNU.sparse.size": "abc"}, {"GNU.sparse.map": "abc"}, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}], ids=str)
def test_a_tar_with_wrong_headers_is_refused(tmp_path, headers) -> None:
    """Sizes that are not numbers are one-sentence errors, whichever part of tarfile reads them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("x")
        member.size, member.pax_headers = 3, headers
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(InputError, match="^it is not a readable tar"):
        run(tmp_path, archive(tmp_path, out.getvalue()))


def test_a_disk_that_fills_up_in_the_middle_is_no_success(tmp_path) -> None:
    """An incomplete write fails the import and leaves no layer behind."""
    data = bytes(range(256)) * 1000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(data) - 77, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            importing.copy_blob(io.BytesIO(data), len(data), oci.sha256(data), tmp_path / "out", "it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["archive", "layer"])
def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch, what: str) -> None:
    """The unpacked size of a compressed archive, and of a compressed layer in a plain one, is limited by a ratio."""
    monkeypatch.setattr(importing.unpacking, "FREE", 200_000)
    monkeypatch.setattr(importing.unpacking, "RATIO", 10)
    layer = tar_of({"zeros": bytes(3_000_000)})
    config = oci.dump({"rootfs": {"diff_ids": [oci.sha256(layer)]}})
    files = {"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"]}]).encode(), "c": config, "l": gzip.compress(layer) if what == "layer" else layer}
    data = tar_of(files) if what == "layer" else gzip.compress(tar_of(files))
    with pytest.raises(InputError, match="^it: unpacks to more than 200000 bytes"):
        run(tmp_path, archive(tmp_path, data))


def test_a_layer_that_is_named_again_and_again_has_an_end(tmp_path, monkeypatch) -> None:
    """The total size of a docker archive's layers is limited, because it may name one file many times."""
    monkeypatch.setattr(importing.unpacking, "TOTAL", len(LAYER) * 5)
    config = oci.dump({"rootfs": {"diff_ids": [oci.sha256(LAYER)] * 9}})
    data = tar_of({"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"] * 9}]).encode(), "c": config, "l": LAYER})
    with pytest.raises(InputError, match="^it: layers of more than .* bytes together"):
        run(tmp_path, archive(tmp_path, data))


def test_a_full_disk_is_one_sentence(tmp_path, capsys) -> None:
    """The error names target and file, whichever output does not fit on the disk."""
    folder = write(layout(), tmp_path / "layout")
    out = {name: str(tmp_path / name) for name in ("manifest", "config", "digest", "layers")}
    for full in ("manifest", "config", "digest"):
        arguments = ["--where", "//a:b", *(word for name, path in {**out, full: "/dev/full"}.items() for word in (f"--{name}", path)), str(folder)]
        assert errors.run(importing.main, arguments) == 1
        assert capsys.readouterr().err == "ERROR: //a:b: /dev/full: No space left on device; free space on that disk, then run this again\n"
    (tmp_path / "layers/0").unlink()
    (tmp_path / "layers/0").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        run_into(tmp_path / "layers", folder)
    assert caught.value.filename == f"it: {tmp_path}/layers/0"
