"""Tests of pushing images made elsewhere, for one platform and for several: what is taken apart, planned and pushed."""

import gzip
import json
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.images import importing
from rules.image.tools.oci import image_files, oci
from rules.image.tools.push import layout as push_layout
from rules.image.tools.push import main, plan
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.image.tools.testing.layouts import LAYER, layout, tar_of, write

PLATFORMS = ("amd64", "arm64")


def _several(nested: bool = True, attestation: bool = False) -> dict[str, bytes]:
    """Returns the files of a layout with an image for each platform, its index named by index.json or index.json itself."""
    files: dict[str, bytes] = {}
    entries = []
    for architecture in PLATFORMS:
        one = layout(architecture)
        (entry,) = json.loads(one["index.json"])["manifests"]
        entries.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
        files.update(one)
    if attestation:
        statement, config = b"{}", oci.dump({"architecture": "unknown", "os": "unknown"})
        part = {"mediaType": "application/vnd.in-toto+json", "digest": oci.sha256(statement), "size": len(statement)}
        manifest = oci.dump(oci.build_manifest(config, [part]))
        entries.append(
            {"mediaType": oci.MANIFEST, "digest": oci.sha256(manifest), "size": len(manifest), "platform": {"os": "unknown", "architecture": "unknown"}}
        )
        files.update((image_files.blob_path(oci.sha256(data)), data) for data in (statement, config, manifest))
    index = oci.dump({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})
    files["index.json"] = index
    if nested:
        files[image_files.blob_path(oci.sha256(index))] = index
        files["index.json"] = oci.dump({"schemaVersion": 2, "manifests": [{"mediaType": oci.INDEX, "digest": oci.sha256(index), "size": len(index)}]})
    return files


@pytest.fixture(name="push")
def _push(tmp_path):
    """Returns a function that pushes a layout as container_push does, and returns what the tool was given."""

    def run(files: dict[str, bytes], registry: str, *words: str) -> Path:
        layout = write(files, tmp_path / "layout")
        path = layout / "it.tar" if "it.tar" in files else layout
        assert push_layout.main(["--where", "//a:push", "--output", str(tmp_path / "parts"), str(path)]) == 0
        image = {"reference": None, "parts": str(tmp_path / "parts"), "runfiles": "parts"}
        spec = {
            "where": "//a:push",
            "registry": registry,
            "repository": "a/b",
            "repository_file": None,
            "tag": "v1",
            "tag_file": None,
            "insecure": False,
            "format": "OCI",
            "status": [],
            "images": [image],
        }
        (tmp_path / "spec").write_text(json.dumps(spec))
        assert plan.main(["--spec", str(tmp_path / "spec"), "--plan", str(tmp_path / "plan")]) == 0
        assert main.main(["--plan", str(tmp_path / "plan"), "--root", str(tmp_path), *words]) == 0
        return tmp_path / "plan"

    return run


@pytest.mark.parametrize("attestation", [False, True])
@pytest.mark.parametrize("nested", [True, False])
def test_an_image_for_several_platforms_is_pushed_whole(push, capsys, nested: bool, attestation: bool) -> None:
    """The tag is the index, byte for byte; everything it refers to is pushed, attestations too, and only the index has a tag."""
    files = _several(nested, attestation)
    index = files[image_files.blob_path(json.loads(files["index.json"])["manifests"][0]["digest"])] if nested else files["index.json"]
    with FakeRegistry() as fake:
        push(files, fake.name)
        assert fake.manifests["a/b", "v1"] == fake.manifests["a/b", oci.sha256(index)] == index
        assert [name for _, name in fake.manifests if not name.startswith("sha256:")] == ["v1"]
        for entry in json.loads(index)["manifests"]:
            manifest = json.loads(fake.manifests["a/b", entry["digest"]])
            assert all(("a/b", part["digest"]) in fake.blobs for part in [manifest["config"], *manifest["layers"]])
        assert capsys.readouterr().out == f"{fake.name}/a/b@{oci.sha256(index)}\n"


def test_a_second_push_of_it_asks_one_question_a_manifest(push) -> None:
    """A second push asks three questions and sends nothing; a tag on the command line is the index's."""
    with FakeRegistry() as fake:
        push(_several(), fake.name)
        fake.log.clear()
        push(_several(), fake.name)
        assert len(fake.log) == 3 and all(line.startswith("HEAD /v2/a/b/manifests/") for line in fake.log)
        push(_several(), fake.name, "--tag", "v2")
        assert fake.manifests["a/b", "v2"] == fake.manifests["a/b", "v1"]


def test_an_image_for_one_platform_is_pushed_as_it_is(push) -> None:
    """A layout with one image under two names is pushed as that image's manifest."""
    files = layout()
    (entry,) = json.loads(files["index.json"])["manifests"]
    files["index.json"] = oci.dump({"manifests": [{**entry, "annotations": {"org.opencontainers.image.ref.name": name}} for name in ("one", "two")]})
    with FakeRegistry() as fake:
        push(files, fake.name)
        assert oci.sha256(fake.manifests["a/b", "v1"]) == entry["digest"]


def test_what_docker_saved_is_pushed(push) -> None:
    """An archive without a manifest gets one, and its config and layers are pushed."""
    layer = gzip.compress(LAYER, mtime=0)
    config = oci.dump({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [oci.sha256(LAYER)]}})
    data = tar_of({"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"]}]).encode(), "c": config, "l": layer})
    with FakeRegistry() as fake:
        push({"it.tar": data}, fake.name)
        manifest = json.loads(fake.manifests["a/b", "v1"])
        assert fake.blobs["a/b", manifest["layers"][0]["digest"]] == layer and fake.blobs["a/b", manifest["config"]["digest"]] == config


def _changed(change: str) -> dict[str, bytes]:
    """Returns a layout for several platforms with one thing wrong."""
    files = _several(nested=False)
    index = json.loads(files["index.json"])
    if change == "twice":
        index["manifests"][1]["platform"] = index["manifests"][0]["platform"]
    elif change == "none":
        index["manifests"] = []
    elif change == "missing":
        del files[image_files.blob_path(index["manifests"][1]["digest"])]
    elif change == "kind":
        data = oci.dump({"mediaType": "text/plain"})
        files[image_files.blob_path(oci.sha256(data))] = data
        index["manifests"] = [{"digest": oci.sha256(data)}]
    files["index.json"] = oci.dump(index)
    return files


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("twice", "two images for linux/amd64, sha256:.* and sha256:.*; take one by its digest, or give a layout"), ("none", "its index.json names no image"),
        ("missing", "is referenced but missing"), ("kind", "found 'text/plain', but an image manifest or index is needed"),
    ],
)  # fmt: skip
def test_a_layout_that_is_ambiguous_or_not_whole_is_refused(push, change: str, words: str) -> None:
    """Each is one sentence that names the target, at build time."""
    with pytest.raises(InputError, match=rf"^//a:push: .*{words}"):
        push(_changed(change), "r.example")


def test_a_platform_that_was_chosen_by_default_is_not_pushed(tmp_path) -> None:
    """For a platform that was chosen by default, for a bundle or another format, the error says what to do; a chosen one is pushed."""
    layout = write(_several(), tmp_path / "layout")
    for architecture in ("", "arm64"):
        (out := tmp_path / f"layers-{architecture}").mkdir()
        stored = importing.read(importing.open_source("it", [layout]), out, architecture=architecture)
        (tmp_path / "manifest").write_bytes(stored.manifest)
        image = {"reference": "r.example/a/b:v1", "manifest": str(tmp_path / "manifest"), "runfiles": "m", "config": "c", "layers": [[str(out), "layers"]]}
        spec = {"where": "//a:push", "registry": "", "insecure": False, "format": "OCI", "status": [], "images": [image]}
        (tmp_path / "spec").write_text(json.dumps(spec))
        arguments = ["--spec", str(tmp_path / "spec"), "--plan", str(tmp_path / "plan")]
        if architecture:
            assert plan.main(arguments) == 0
        else:
            expected = r"^//a:push: image: the image has several platforms \(linux/amd64, linux/arm64\), and only one would be pushed; push the layout"
            with pytest.raises(InputError, match=expected):
                plan.main(arguments)
