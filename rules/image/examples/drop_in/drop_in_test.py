"""Every attribute of rules_docker's calls arrives in what is built."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

HERE = Path("rules/image/examples/drop_in")


def test_the_layer_has_what_its_attributes_say() -> None:
    """Files, tar, package, folders, links and modes of container_layer."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress((HERE / "layer.layer.tar.gz").read_bytes()))) as tar:
        found = {member.name: member for member in tar}
    assert found["opt/hello.py"].mode == 0o444
    assert found["opt/tag.txt"].isreg()  # of the tar
    assert found["etc/protocols"].isreg()  # of the package netbase
    assert found["var/cache/shop"].isdir() and found["etc/shop.conf"].size == 0
    assert found["etc/hello"].linkname == "/opt/hello.py"


def test_the_image_has_what_its_attributes_say() -> None:
    """Settings of container_image, those of its base and of its layer under them."""
    config = json.loads((HERE / "image.config.json").read_bytes())
    settings = config["config"]
    assert (config["architecture"], config["os"], config["created"]) == ("amd64", "linux", "2023-11-14T22:13:20Z")
    assert settings["Entrypoint"] == ["/usr/bin/python3.11", "/srv/hello.py"]
    assert (settings["Cmd"], settings["User"], settings["WorkingDir"]) == (["--all"], "65532", "/srv")
    assert (settings["ExposedPorts"], settings["Volumes"]) == ({"8080/tcp": {}}, {"/data": {}})
    assert {"PATH=/opt:/usr/bin", "SHOP=open"} <= set(settings["Env"])
    assert settings["Labels"] == {"source": "shop/hello", "team": "shop"}


def test_the_outputs_keep_their_names() -> None:
    """NAME.tar is what docker loads, NAME.digest its manifest's digest."""
    with tarfile.open(HERE / "image.tar") as tar:
        (entry,) = json.loads(tar.extractfile("index.json").read())["manifests"]
        assert "manifest.json" in tar.getnames()
    assert entry["digest"] == (HERE / "image.digest").read_text()


def test_the_bundle_has_its_images() -> None:
    """Both names are in the archive."""
    with tarfile.open(HERE / "bundle.tar") as tar:
        names = [entry["RepoTags"] for entry in json.loads(tar.extractfile("manifest.json").read())]
    assert names == [["registry.example.com/shop/hello:v1"], ["shop/program:latest"]]


def test_pushes_can_be_run() -> None:
    """Each container_push is a program; tests/registries runs them against registries."""
    for name in ("push", "push_from_files"):
        assert os.access(HERE / name, os.X_OK)
