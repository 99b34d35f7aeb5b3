"""Tests of archives and layouts."""

import io
import json
import tarfile

import pytest

from rules.image.tools.errors import InputError, run
from rules.image.tools.images import archive
from rules.image.tools.oci import oci


@pytest.fixture(name="image")
def _image(tmp_path) -> dict[str, str]:
    """A config, one layer and their manifest, as files."""
    (tmp_path / "layer").write_bytes(b"layer bytes")
    (tmp_path / "config").write_bytes(b'{"rootfs":{}}')
    layer = {"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(b"layer bytes"), "size": 11}
    (tmp_path / "manifest").write_bytes(oci.dump(oci.build_manifest(b'{"rootfs":{}}', [layer])))
    return {name: str(tmp_path / name) for name in ("manifest", "config", "layer")}


def _arguments(image: dict[str, str], *more: str) -> list[str]:
    return ["--image", "bazel/a/b:c", image["manifest"], image["config"], "--layer", image["layer"], *more]


def test_a_tar_is_a_layout_and_docker_loadable(image, tmp_path) -> None:
    """Both indexes refer to blobs by their digests."""
    assert archive.main(_arguments(image, "--tar", str(tmp_path / "x.tar"))) == 0
    with tarfile.open(tmp_path / "x.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "docker.io/bazel/a/b:c"
    manifest = files["blobs/sha256/" + entry["digest"][7:]]
    (docker,) = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == ["bazel/a/b:c"]
    assert [docker["Config"][13:], docker["Layers"][0][13:]] == [
        part["digest"][7:] for part in (json.loads(manifest)["config"], json.loads(manifest)["layers"][0])
    ]
    assert all(oci.sha256(data) == "sha256:" + path[13:] for path, data in files.items() if path.startswith("blobs/"))


def test_a_layout_has_the_same_files(image, tmp_path) -> None:
    """The folder has the same files as the tar."""
    archive.main(_arguments(image, "--tar", str(tmp_path / "x.tar")))
    archive.main(_arguments(image, "--layout", str(tmp_path / "out")))
    with tarfile.open(tmp_path / "x.tar") as tar:
        for member in tar:
            assert (tmp_path / "out" / member.name).read_bytes() == tar.extractfile(member).read()


def test_one_layer_twice_is_written_once(image, tmp_path) -> None:
    """A digest that the manifest names twice is one member of the tar."""
    layer = {"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(b"layer bytes"), "size": 11}
    (tmp_path / "manifest").write_bytes(oci.dump(oci.build_manifest(b'{"rootfs":{}}', [layer, layer])))
    archive.main(_arguments(image, "--layer", image["layer"], "--tar", str(tmp_path / "x.tar")))
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert len(tar.getnames()) == len(set(tar.getnames())) == 6


@pytest.mark.parametrize(("data", "message"), [(b"other", "has 5 bytes"), (b"", "has 0 bytes")])
def test_files_that_do_not_fit_the_manifest_are_refused(image, tmp_path, capsys, data: bytes, message: str) -> None:
    """A truncated layer is a one-sentence error."""
    (tmp_path / "layer").write_bytes(data)
    assert run(archive.main, _arguments(image, "--tar", str(tmp_path / "x.tar"))) == 1
    assert message in capsys.readouterr().err


def test_a_missing_layer_is_refused(image, tmp_path, capsys) -> None:
    """Fewer layers than the manifest names are an error with both numbers."""
    arguments = ["--image", "a:b", image["manifest"], image["config"], "--tar", str(tmp_path / "x.tar")]
    assert run(archive.main, arguments) == 1
    assert "names 1 layers, but 0 were given" in capsys.readouterr().err


def test_several_images_share_their_layers(image, tmp_path) -> None:
    """An archive of two images has both names, stamped, and the common layer once; one name for both is refused."""
    (tmp_path / "status").write_text("BUILD_USER me\n")
    second = ["--image", "b:{BUILD_USER}", image["manifest"], image["config"], "--layer", image["layer"], "--status", str(tmp_path / "status")]
    assert run(archive.main, _arguments(image, *second, "--tar", str(tmp_path / "x.tar"))) == 0
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert len(tar.getnames()) == 6
        assert [entry["RepoTags"] for entry in json.loads(tar.extractfile("manifest.json").read())] == [["bazel/a/b:c"], ["b:me"]]
    assert run(archive.main, [*_arguments(image), *_arguments(image), "--tar", str(tmp_path / "y.tar")]) == 1
    assert not (tmp_path / "y.tar").exists()


@pytest.mark.parametrize(
    ("name", "full"),
    [("a/b:c", "docker.io/a/b:c"), ("a:b", "docker.io/library/a:b"), ("h:5/a:b", "h:5/a:b"), ("h.x/a:b", "h.x/a:b"), ("localhost/a:b", "localhost/a:b")],
)
def test_names_are_qualified_as_container_runtimes_do(name: str, full: str) -> None:
    """A first part with '.' or ':' is a registry, and so is localhost."""
    assert archive.qualify(name) == full


@pytest.mark.parametrize("name", ["a", "A:b", "a:b:c", "a@sha256:x", "a/../b:c", ":x", "a:"])
def test_bad_names_are_refused(name: str) -> None:
    """A name without a tag or with invalid characters is refused."""
    with pytest.raises(InputError):
        archive.check_name(name)


def test_contents_may_be_bytes_or_files(tmp_path) -> None:
    """Both kinds of source are padded to whole blocks."""
    (tmp_path / "f").write_bytes(b"x" * 513)
    out = io.BytesIO()
    archive.write_tar(out, [("a", b"y"), ("b", tmp_path / "f")])
    assert len(out.getvalue()) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert tar.extractfile("b").read() == b"x" * 513


def test_a_full_disk_is_one_sentence(image, capsys) -> None:
    """The error names the tar that does not fit on the disk."""
    assert run(archive.main, _arguments(image, "--tar", "/dev/full")) == 1
    assert capsys.readouterr().err == "ERROR: /dev/full: No space left on device; free space on that disk, then run this again\n"


def test_names_without_stamp(image, tmp_path, capsys) -> None:
    """A build without --stamp keeps the variables in names and says so, checks what is around them, and refuses them if stamp is False."""
    named = {"variable": "shop/{BUILD_USER}:mine", "wrong": "shop/UP{BUILD_USER}:mine"}
    rest = [image["manifest"], image["config"], "--layer", image["layer"], "--tar", str(tmp_path / "x.tar")]
    arguments = {key: ["--image", name, *rest] for key, name in named.items()}
    assert archive.main([*arguments["variable"], "--by-flag"]) == 0
    assert "NOTE: image name 'shop/{BUILD_USER}:mine' keeps its stamp variable, because the build is without --stamp" in capsys.readouterr().err
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert json.loads(tar.extractfile("manifest.json").read())[0]["RepoTags"] == [named["variable"]]
    (tmp_path / "status").write_text("BUILD_USER me\n")
    assert archive.main([*arguments["variable"], "--by-flag", "--status", str(tmp_path / "status")]) == 0
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert json.loads(tar.extractfile("manifest.json").read())[0]["RepoTags"] == ["shop/me:mine"]
    for wrong in (arguments["variable"], [*arguments["wrong"], "--by-flag"]):
        with pytest.raises(InputError, match="^image name.*(write REPOSITORY:TAG|is not a repository name)"):
            archive.main(wrong)
