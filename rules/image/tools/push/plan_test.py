"""Tests of the plan of a push: names from attributes, files and the workspace status, and what is refused."""

import json

import pytest

from rules.image.tools.errors import InputError, run
from rules.image.tools.oci import oci
from rules.image.tools.push import plan as push_plan


@pytest.fixture(name="plan")
def _plan(tmp_path):
    """Returns a function that makes the plan of an image with one layer and returns its lines, split."""
    layer = {"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(b"bytes"), "size": 5}

    def make(media_type: str = oci.LAYER_GZIP, reference: str | None = None, layers: int = 1, key: str | None = None, **changes) -> list[list[str]]:
        manifest = oci.build_manifest(b"{}", [{**layer, "mediaType": media_type}])
        (tmp_path / "manifest").write_bytes(oci.dump(manifest))
        image = {
            "key": key,
            "reference": reference,
            "manifest": str(tmp_path / "manifest"),
            "runfiles": "w/manifest",
            "docker": str(tmp_path / "docker"),
            "docker_runfiles": "w/docker",
            "config": "w/config",
            "layers": [[str(tmp_path / "layer"), "w/layer"]] * layers,
        }
        spec = {
            "where": "//a:push",
            "registry": "r.example",
            "repository": "shop/server",
            "repository_file": None,
            "tag": "v1",
            "tag_file": None,
            "insecure": False,
            "format": "OCI",
            "status": [],
            "images": [image],
            **changes,
        }
        (tmp_path / "spec").write_text(json.dumps(spec))
        assert push_plan.main(["--spec", str(tmp_path / "spec"), "--plan", str(tmp_path / "plan"), "--digest", str(tmp_path / "digest")]) == 0
        return [line.split("\t") for line in (tmp_path / "plan").read_text().splitlines()]

    return make


@pytest.fixture(name="file")
def _file(tmp_path):
    """Returns a function that writes a file and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / f"file{len(list(tmp_path.iterdir()))}"
        path.write_text(text)
        return str(path)

    return write


def test_a_plan_says_what_goes_where(plan, tmp_path) -> None:
    """A plan has registry, manifest, tag and every blob, with digests and sizes."""
    manifest = plan() and (tmp_path / "manifest").read_bytes()
    assert plan() == [
        ["registry", "r.example", "auto"],
        ["image", "shop/server", oci.sha256(manifest), oci.MANIFEST, str(len(manifest)), "w/manifest"],
        ["tag", "v1"],
        ["blob", oci.sha256(b"{}"), "2", "w/config"],
        ["blob", oci.sha256(b"bytes"), "5", "w/layer"],
    ]


@pytest.mark.parametrize("form", ["OCI", "Docker"])
def test_the_digest_is_the_pushed_manifests(plan, tmp_path, form: str) -> None:
    """--digest gets the digest in the plan, of the Docker manifest if that is pushed."""
    lines = plan(format=form)
    assert (tmp_path / "digest").read_text() == lines[1][2] == oci.sha256((tmp_path / ("docker" if form == "Docker" else "manifest")).read_bytes())


def test_files_name_repository_and_tag(plan, file) -> None:
    """The first line of repository_file and tag_file counts."""
    lines = plan(repository="", repository_file=file("shop/other\nmore\n"), tag="", tag_file=file("  v2  \n"))
    assert lines[1][1] == "shop/other" and lines[2] == ["tag", "v2"]


def test_stamp_variables_are_filled(plan, file) -> None:
    """Variables of both status files are replaced in registry, repository, tag, and in files."""
    status = [file("BUILD_EMBED_LABEL \nSTABLE_COMMIT abc1\n"), file("BUILD_USER jane\nHOST r2.example:5000\n")]
    lines = plan(registry="{HOST}", repository="{BUILD_USER}/app", tag="v-{STABLE_COMMIT}", status=status)
    assert lines[0][1] == "r2.example:5000" and lines[1][1] == "jane/app" and lines[2] == ["tag", "v-abc1"]
    lines = plan(repository="", repository_file=file("{BUILD_USER}/app"), tag="", tag_file=file("{STABLE_COMMIT}\n"), status=status)
    assert lines[1][1] == "jane/app" and lines[2] == ["tag", "abc1"]


def test_a_bundle_goes_where_its_references_say(plan, file) -> None:
    """A reference has registry, repository and tag."""
    lines = plan(reference="localhost:5000/shop/{BUILD_USER}:v3", registry="", repository="", tag="", status=[file("BUILD_USER jane")])
    assert lines[0][:2] == ["registry", "localhost:5000"] and lines[1][1] == "shop/jane" and lines[2] == ["tag", "v3"]


def test_a_name_without_a_registry_takes_the_attributes(plan) -> None:
    """The registry of the push is the default for names in a bundle."""
    lines = plan(reference="shop/server:v3", repository="", tag="")
    assert lines[0][1] == "r.example" and lines[1][1] == "shop/server"


def test_a_folder_of_layers_is_listed(plan, tmp_path) -> None:
    """The layers of a prebuilt image are in a folder whose content is known only at execution time."""
    (tmp_path / "layer").mkdir()
    for name in ("0", "0.json"):
        (tmp_path / "layer" / name).touch()
    assert plan()[-1] == ["blob", oci.sha256(b"bytes"), "5", "w/layer/0"]


@pytest.mark.parametrize(("media_type", "ending"), [(oci.LAYER_GZIP, ".gzip"), (oci.LAYER_TAR, ""), (oci.LAYER_ZSTD, ".zstd")])
def test_docker_format_is_another_manifest_of_the_same_blobs(plan, tmp_path, media_type: str, ending: str) -> None:
    """Media types are Docker's, digests and sizes of the parts stay, and the plan names the written manifest."""
    lines = plan(media_type, format="Docker")
    data = (tmp_path / "docker").read_bytes()
    assert lines[1][2:] == [oci.sha256(data), oci.DOCKER_MANIFEST, str(len(data)), "w/docker"]
    layer = json.loads(data)["layers"][0]
    assert layer == {"mediaType": f"application/vnd.docker.image.rootfs.diff.tar{ending}", "digest": oci.sha256(b"bytes"), "size": 5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tag": "{STABLE_X}", "status": ["/dev/null"]}, "//a:push: tag: the workspace status has no STABLE_X"),
        ({"tag": "a b"}, "//a:push: tag: 'a b' is not a tag"),
        ({"repository": "Shop"}, "//a:push: repository: 'Shop' is not a repository name"),
        ({"registry": "a b"}, "//a:push: registry 'a b': write HOST or HOST:PORT"),
        ({"reference": "shop/server:v1", "registry": ""}, "//a:push: images: found 'shop/server:v1', which names no registry"),
        ({"layers": 0}, "//a:push: image: its manifest names 1 layers, but 0 were given"),
    ],
)
def test_refusals(plan, changes, message: str) -> None:
    """Each error names the target, the attribute, the value and what to write."""
    with pytest.raises(InputError) as caught:
        plan(**changes)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("content", ["\n", "\xff"])
def test_a_tag_file_without_a_name_is_one_sentence(plan, tmp_path, capsys, content: str) -> None:
    """An empty file and a file that is not text are refused at build time."""
    (tmp_path / "t").write_bytes(content.encode("latin-1"))

    def main(_) -> int:
        plan(tag="", tag_file=str(tmp_path / "t"))
        return 0

    assert run(main, []) == 1
    assert "//a:push: tag_file: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("registry", "kind"),
    [("172.19.0.2:31000", "plain"), ("10.0.0.1", "plain"), ("localhost:5000", "plain"), ("ghcr.io", "auto"), ("8.8.8.8:443", "auto")],
)
def test_an_image_with_a_key_goes_where_its_reference_says(plan, file, registry: str, kind: str) -> None:
    """The reference gives registry and repository, it has no tag, and only a private address gets plain HTTP."""
    references = file(json.dumps({"references": {"shop/server:dev": f"{registry}/shop/server@sha256:{'a' * 64}"}}))
    lines = plan(references=references, private_plain=True, tag=None, key="shop/server:dev")
    assert lines[0] == ["registry", registry, kind]
    assert lines[1][:2] == ["image", "shop/server"] and [line[0] for line in lines[2:]] == ["blob", "blob"]


def test_an_image_whose_key_has_no_reference_is_left_out(plan, file) -> None:
    """No manifest runs it, so nothing is pushed."""
    assert plan(references=file('{"references": {}}'), key="shop/server:dev") == []


def test_a_reference_without_a_registry_goes_to_the_default_one(plan, file) -> None:
    """The registry of the input is the default."""
    lines = plan(references=file(json.dumps({"references": {"a": "shop/server@sha256:" + "a" * 64}})), registry="r.example:5000", key="a")
    assert lines[0] == ["registry", "r.example:5000", "auto"] and lines[1][1] == "shop/server"


def test_a_reference_that_is_not_a_repository_is_refused(plan, file, tmp_path) -> None:
    """Destinations from references are checked like those of attributes, when the target is built."""
    with pytest.raises(InputError, match="//a:push: repository: 'Shop' is no"):
        plan(references=file(json.dumps({"references": {"a": "r.example/Shop@sha256:" + "a" * 64}})), key="a")


def test_a_name_that_only_stamping_completes(plan) -> None:
    """Without --stamp the plan keeps the stamp variables of names, and checks what is around them."""
    kept = {"repository": "shop/{BUILD_USER}", "tag": "by-{BUILD_USER}", "by_flag": True}
    assert [line[:2] for line in plan(**kept)[:3]] == [["registry", "r.example"], ["image", "shop/{BUILD_USER}"], ["tag", "by-{BUILD_USER}"]]
    assert plan(reference="r.example/{BUILD_USER}/a:b", by_flag=True)[1][1] == "{BUILD_USER}/a"
    for wrong in ({**kept, "by_flag": False}, {**kept, "repository": "Shop/{BUILD_USER}"}, {**kept, "tag": "{BUILD_USER}\tx"}):
        with pytest.raises(InputError, match="^//a:push: (repository|tag)"):
            plan(**wrong)
