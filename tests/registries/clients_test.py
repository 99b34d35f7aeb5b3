"""Tests that public clients can read pushed images: skopeo, umoci and crane, from public registries."""

import json
import os
import subprocess

import pytest

from rules.image.tools.push.push import push_all
from tests.registries import programs
from tests.registries.images import digest, image


@pytest.fixture(name="clients", scope="session")
def _clients(tmp_path_factory) -> programs.Clients:
    """Returns skopeo and umoci."""
    return programs.Clients(tmp_path_factory.mktemp("clients"))


@pytest.fixture(name="crane", scope="session")
def _crane():
    """Returns the path of crane."""
    return programs.crane()


def _push(registry, name: str) -> str:
    """Pushes a built image and returns its repository."""
    push_all([image(name, f"shop/{name}", ("v1",))], registry.name)
    return f"{registry.name}/shop/{name}"


@pytest.mark.parametrize("name", ["hello", "redis", "files_image"])
def test_skopeo_inspects(registry, clients, name: str) -> None:
    """skopeo sees the digest and the layers of the built image."""
    seen = json.loads(clients.skopeo("inspect", "--tls-verify=false", f"docker://{_push(registry, name)}:v1"))
    assert seen["Digest"] == digest(name)
    assert seen["Layers"] == ["sha256:" + blob.name for blob, _ in image(name, "x").layers]


def test_umoci_unpacks(registry, clients, tmp_path) -> None:
    """The file system of a pulled image has the original files with their contents and modes."""
    layout = tmp_path / "layout"
    clients.skopeo("copy", "--src-tls-verify=false", f"docker://{_push(registry, 'files_image')}:v1", f"oci:{layout}:v1")
    clients.umoci("unpack", "--rootless", "--image", f"{layout}:v1", str(tmp_path / "bundle"))
    root = tmp_path / "bundle/rootfs"
    assert (root / "etc/app/data.txt").read_bytes() == b"words from a data file\n"
    assert (root / "etc/app/data.txt").stat().st_mode & 0o777 == 0o440
    assert os.readlink(root / "etc/link") == "app/data.txt"
    assert (root / "var/spool/app").is_dir()


@pytest.mark.parametrize("name", ["registry", "files_image"])
def test_crane_validates(registry, crane, name: str) -> None:
    """crane finds every digest, size and diff ID of the pushed image right. It does not support zstd, so these images have gzip layers."""
    done = subprocess.run([crane, "validate", "--insecure", "--remote", f"{_push(registry, name)}@{digest(name)}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "PASS"), done.stderr
