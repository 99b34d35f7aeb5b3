"""Every attribute of rules_docker's calls arrives in what is built, and in what is pushed."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard

from rules.image.tools.testing.fake_registry import FakeRegistry

HERE = Path("rules/image/examples/drop_in")


def _layers(name: str) -> list[dict[str, tarfile.TarInfo]]:
    """Returns the entries of an image's layers by their paths, base first."""
    found = []
    with tarfile.open(HERE / f"{name}.tar") as archive:
        (image,) = json.loads(archive.extractfile("manifest.json").read())
        for path in image["Layers"]:
            blob = archive.extractfile(path).read()
            plain = gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else zstandard.ZstdDecompressor().stream_reader(blob).read()
            with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
                found.append({member.name: member for member in tar})
    return found


def _config(name: str) -> dict:
    """Returns an image's config."""
    return json.loads((HERE / f"{name}.config.json").read_bytes())


def test_the_layer_has_what_its_attributes_say() -> None:
    """Files, tar, package, folders, links and modes of container_layer; data_path is the package's."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress((HERE / "layer.layer.tar.gz").read_bytes()))) as tar:
        found = {member.name: member for member in tar}
    assert found["opt/shop/settings.txt"].mode == 0o444
    assert found["opt/tag.txt"].isreg()  # of the tar
    assert found["etc/protocols"].isreg()  # of the package netbase
    assert found["var/cache/shop"].isdir() and found["etc/shop.conf"].size == 0
    assert found["etc/settings"].linkname == "/opt/shop/settings.txt"


def test_the_image_has_the_settings_that_its_attributes_say() -> None:
    """Settings of container_image, those of its base and of its layer under them."""
    config = _config("image")
    settings = config["config"]
    assert (config["architecture"], config["os"], config["created"]) == ("amd64", "linux", "2023-11-14T22:13:20Z")
    assert settings["Entrypoint"] == ["/usr/bin/python3.11", "/srv/hello.py"]
    assert (settings["Cmd"], settings["User"], settings["WorkingDir"]) == (["--all"], "65532", "/srv")
    assert (settings["ExposedPorts"], settings["Volumes"]) == ({"8080/tcp": {}}, {"/data": {}})
    assert {"PATH=/opt:/usr/bin", "SHOP=open"} <= set(settings["Env"])
    assert settings["Labels"] == {"source": "shop/hello", "team": "shop"}


def test_the_image_has_the_files_that_its_attributes_say() -> None:
    """Base, layers in their order, and container_image's own layer: files, mode, directory, data_path, tar, package, links."""
    base, layer, from_root, own = _layers("image")
    assert base["usr/bin/python3.11"].isreg()
    assert layer["opt/shop/settings.txt"].isreg()
    assert [name for name, member in from_root.items() if member.isreg()] == ["root/drop_in/hello.py"]
    assert {name: own[name].mode for name in ("srv/hello.py", "srv/conf/shop/settings.txt")} == {"srv/hello.py": 0o555, "srv/conf/shop/settings.txt": 0o555}
    assert own["srv/tag.txt"].isreg()  # of the tar
    assert own["usr/share/zoneinfo/Europe/Zurich"].size > 0  # of the package tzdata
    assert own["srv/empty"].isdir()
    assert own["srv/nothing"].isreg() and own["srv/nothing"].size == 0
    assert own["srv/link"].linkname == "hello.py"


def test_the_program_has_what_its_attributes_say() -> None:
    """py3_image: its base under it, its env and ports; what runs is main."""
    settings = _config("program")["config"]
    assert "SHOP=open" in settings["Env"] and settings["ExposedPorts"] == {"8080/tcp": {}}
    base, *_, own = _layers("program")
    assert base["usr/bin/python3.11"].isreg()
    assert own["app/turnup/rules/image/examples/drop_in/hello.py"].isreg()
    assert settings["Entrypoint"][0] == "/usr/bin/python3.11" and settings["Entrypoint"][-1].removeprefix("/") in own


def test_the_java_program_has_what_its_attributes_say() -> None:
    """java_image: base, env, ports, args; the library of layers is in a layer of its own, and the JVM's flags are in the argument file."""
    settings = _config("server")["config"]
    assert "SHOP=open" in settings["Env"] and settings["ExposedPorts"] == {"8080/tcp": {}} and settings["Cmd"] == ["--all"]
    here = "app/turnup/rules/image/examples/drop_in"
    assert settings["Entrypoint"] == ["/usr/lib/jvm/java/bin/java", f"@/{here}/server.jvm"]
    layers = [[name for name, member in layer.items() if member.isreg() and name.startswith("app/")] for layer in _layers("server")]
    assert layers[2:-1] == [
        [f"{here}/libprices.jar"],
        [f"{here}/tag.txt"],
        [f"{here}/server.binary.resources.jar"],
        [f"{here}/server.binary.jar"],
        [f"{here}/server.flags", f"{here}/server.jvm"],
    ]
    assert layers[-1] == [f"{here}/server.jsa"]


def test_the_outputs_keep_their_names() -> None:
    """NAME.tar is what docker loads, NAME.digest its manifest's digest."""
    with tarfile.open(HERE / "image.tar") as tar:
        (entry,) = json.loads(tar.extractfile("index.json").read())["manifests"]
        assert "manifest.json" in tar.getnames()
    assert entry["digest"] == (HERE / "image.digest").read_text()


def test_the_bundle_has_its_images() -> None:
    """The archive has both names."""
    with tarfile.open(HERE / "bundle.tar") as tar:
        names = [entry["RepoTags"] for entry in json.loads(tar.extractfile("manifest.json").read())]
    assert names == [["registry.example.com/shop/hello:v1"], ["shop/program:latest"]]


def _push(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a container_push target as `bazel run` does."""
    environment = {**os.environ, "RUNFILES_DIR": os.path.abspath("..")}
    return subprocess.run([str(HERE / name), *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("target", "repository", "tags"),
    [
        ("push", "shop/hello", {"v1"}),
        ("push_docker", "shop/docker", {"latest"}),
        ("push_from_files", "shop/hello", {"v1"}),
        ("push_latest", "shop/latest", {"latest"}),
        ("push_untagged", "shop/untagged", set()),
    ],
)
def test_each_push_arrives_where_its_attributes_say(target: str, repository: str, tags: set[str]) -> None:
    """Repository and tag, from attributes and files; without a tag it is latest, with an empty one there is none."""
    with FakeRegistry() as registry:
        done = _push(target, "--registry", registry.name)
        assert done.returncode == 0, done.stderr
    pushed = done.stdout.strip().partition("@")
    assert pushed[0] == f"{registry.name}/{repository}"
    assert set(registry.manifests) == {(repository, pushed[2])} | {(repository, tag) for tag in tags}


@pytest.mark.parametrize(
    ("target", "media_type"), [("push", "application/vnd.oci.image.manifest.v1+json"), ("push_docker", "application/vnd.docker.distribution.manifest.v2+json")]
)
def test_the_digest_is_of_what_is_pushed(target: str, media_type: str) -> None:
    """NAME.digest of a push is its manifest's digest, whatever the format; the format is the manifest's."""
    with FakeRegistry() as registry:
        assert _push(target, "--registry", registry.name, "--tag", "x", "--repository", "a").returncode == 0
    manifest = registry.manifests["a", "x"]
    assert json.loads(manifest)["mediaType"] == media_type
    assert (HERE / f"{target}.digest").read_text() == "sha256:" + hashlib.sha256(manifest).hexdigest()


def test_a_pushed_bundle_has_a_digest_for_each_image() -> None:
    """Digests are in the order of images, which is the order of the push."""
    digests = (HERE / "push_bundle.digest").read_text().split("\n")
    assert digests == [(HERE / f"{name}.digest").read_text() for name in ("image", "program")]


def test_an_insecure_repository_uses_plain_http(tmp_path) -> None:
    """insecure_repository applies to the attribute's own registry; without it, other machines' registries use TLS."""
    with FakeRegistry() as registry:
        registry.name = registry.name.replace("127.0.0.1", "0.0.0.0")  # reaches the same registry, but is not a loopback name
        for target, code in (("push_latest", 1), ("push_insecure", 0)):
            plan = tmp_path / target
            plan.write_text((HERE / f"{target}.push.plan").read_text().replace("registry.example.com", registry.name))
            done = _push(target, "--plan", str(plan))
            assert done.returncode == code, done.stderr
        assert {repository for repository, _ in registry.manifests} == {"shop/insecure"}
