"""Tests of pushes to public registries, the real programs, on a port of this machine."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.oci import oci
from rules.image.tools.push import layout as push_layout
from rules.image.tools.push import main, plan
from rules.image.tools.push.push import exists, push_all
from rules.image.tools.registry.registry import Registry
from tests.registries.images import FOLDER, digest, image
from tests.registries.real import RealRegistry

ENVIRONMENT = {**os.environ, "RUNFILES_DIR": os.path.abspath("..")}


def test_push_then_push_again(registry) -> None:
    """The first push sends everything; the second sends one request per image and uploads nothing."""
    images = [image("hello", "shop/hello", ("latest",)), image("redis", "shop/redis"), image("files_image", "files")]
    first = push_all(images, registry.name)
    assert [p.reference for p in first] == [
        f"{registry.name}/{r}@{digest(n)}" for r, n in (("shop/hello", "hello"), ("shop/redis", "redis"), ("files", "files_image"))
    ]
    assert all(exists(registry.name, pushed.repository, pushed.digest) for pushed in first)
    with urllib.request.urlopen(
        urllib.request.Request(f"http://{registry.name}/v2/shop/hello/manifests/latest", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    ) as answer:
        assert answer.read() == images[0].manifest.read_bytes()
    for method in ("POST", "PUT", "PATCH", "HEAD"):
        registry.requests(method)
    again = push_all(images, registry.name)
    assert [(p.sent, p.unchanged) for p in again] == [(0, True)] * 3
    assert [registry.requests(method) for method in ("POST", "PUT", "PATCH")] == [[], [], []]
    assert len(registry.requests("HEAD")) == 3  # a tag with the right digest makes a check of the manifest unnecessary


def test_a_shared_base_is_sent_once(registry) -> None:
    """Layers that ten repositories share are uploaded once, and the registry mounts them in the other repositories."""
    images = [image("hello", f"app/{i}") for i in range(10)]
    results = push_all(images, registry.name)
    size = sum(part["size"] for part in json.loads(images[0].manifest.read_bytes())["layers"]) + images[0].config.stat().st_size
    assert sum(p.sent for p in results) == size
    uploads = [path for path in registry.requests("PUT") if "/blobs/uploads/" in path]
    assert len(uploads) == len(images[0].layers) + 1


def test_a_push_continues_after_a_killed_registry(registry) -> None:
    """After the registry is killed during a push and restarted, the next push sends only what is missing."""
    hello = image("hello", "app")
    uploaded = []

    def kill(step) -> None:
        if step.state == "uploaded":
            uploaded.append(step.digest)
            if len(uploaded) == 2:
                registry.stop(signal.SIGKILL)

    with pytest.raises(PushError, match=f"registry {registry.name}: "):
        push_all([hello], registry.name, jobs=1, progress=kill, client=Registry(registry.name, sleep=lambda _: None))
    registry.start()
    assert not exists(registry.name, "app", digest("hello"))
    registry.requests("PUT")
    sent: list[str] = []
    push_all([hello], registry.name, jobs=1, progress=lambda step: sent.append(step.digest) if step.state == "uploaded" else None)
    assert not set(sent) & set(uploaded)
    assert exists(registry.name, "app", digest("hello"))


def test_a_push_survives_a_registry_restart(registry) -> None:
    """A push continues after the registry restarts."""
    stopped = []

    def restart(step) -> None:
        if step.state == "uploaded" and not stopped:
            stopped.append(step.digest)
            registry.stop(signal.SIGKILL)
            registry.start()

    (pushed,) = push_all([image("hello", "app")], registry.name, jobs=2, progress=restart)
    assert stopped
    assert exists(registry.name, "app", pushed.digest)


def _run_target(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a container_push target as `bazel run` does."""
    return subprocess.run([str(FOLDER / name), *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def _manifest(registry, repository: str, name: str) -> dict:
    """Returns a manifest of a registry, in either format."""
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    request = urllib.request.Request(f"http://{registry.name}/v2/{repository}/manifests/{name}", headers={"Accept": kinds})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def test_container_push_prints_the_reference(registry) -> None:
    """A container_push target prints the reference of the pushed image."""
    done = _run_target("push", "--registry", registry.name, "--tag", "v1")
    assert (done.returncode, done.stdout) == (0, f"{registry.name}/tests/files@{digest('files_image')}\n"), done.stderr


def test_a_bundle_is_pushed(registry) -> None:
    """A container_push of a bundle pushes every image under its name, and uploads shared blobs once."""
    done = _run_target("push_bundle", "--registry", registry.name)
    assert done.returncode == 0, done.stderr
    repositories = {line.removeprefix(registry.name + "/").partition("@")[0] for line in done.stdout.splitlines()}
    assert {"shop/both", "shop/files", "shop/layout"} < repositories and len(repositories) == 4
    assert _manifest(registry, "shop/files", "v1") == _manifest(registry, "shop/layout", "latest")
    sent = [line.split()[2] for line in done.stderr.splitlines()]
    assert sent and len(sent) == len(set(sent))


def test_docker_format_and_stamped_tags(registry) -> None:
    """A manifest in Docker's format has the same blobs, and its tag comes from the workspace status."""
    done = _run_target("push_docker", "--registry", registry.name)
    assert done.returncode == 0, done.stderr
    with urllib.request.urlopen(f"http://{registry.name}/v2/tests/docker/tags/list") as answer:
        (tag,) = json.loads(answer.read())["tags"]
    manifest = _manifest(registry, "tests/docker", tag)
    assert tag.startswith("by-") and "{" not in tag
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    ours = json.loads(image("files_image", "x").manifest.read_bytes())
    assert [layer["digest"] for layer in manifest["layers"]] == [layer["digest"] for layer in ours["layers"]]


def test_an_image_of_other_rules_keeps_its_digest(registry) -> None:
    """An OCI layout is pushed unchanged."""
    done = _run_target("push_layout", "--registry", registry.name)
    assert (done.returncode, done.stdout) == (0, f"{registry.name}/tests/layout@{digest('files_image')}\n"), done.stderr


def test_an_image_for_several_platforms_is_pushed(registry, tmp_path) -> None:
    """The registry has the index of an image for several platforms under the tag, and it accepts an index only with all its manifests."""
    layouts = [Path(FOLDER, f"{name}.oci") for name in ("files_image", "hello")]
    for layout in layouts:
        shutil.copytree(layout, tmp_path / "layout", dirs_exist_ok=True, copy_function=shutil.copyfile)
    entries = [json.loads((layout / "index.json").read_bytes())["manifests"][0] for layout in layouts]
    for entry, architecture in zip(entries, ("amd64", "arm64"), strict=False):
        entry["platform"] = {"os": "linux", "architecture": architecture}
    index = oci.dump({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries})
    (tmp_path / "layout/index.json").unlink()
    (tmp_path / "layout/index.json").write_bytes(index)
    push_layout.main(["--where", "it", "--output", str(tmp_path / "parts"), str(tmp_path / "layout")])
    image_spec = {"reference": f"{registry.name}/shop/several:v1", "parts": str(tmp_path / "parts"), "runfiles": "parts"}
    (tmp_path / "spec").write_text(json.dumps({"where": "it", "registry": "", "insecure": False, "format": "OCI", "status": [], "images": [image_spec]}))
    plan.main(["--spec", str(tmp_path / "spec"), "--plan", str(tmp_path / "plan")])
    assert main.main(["--plan", str(tmp_path / "plan"), "--root", str(tmp_path)]) == 0
    request = urllib.request.Request(f"http://{registry.name}/v2/shop/several/manifests/v1", headers={"Accept": oci.INDEX})
    with urllib.request.urlopen(request) as answer:
        assert answer.read() == index
    assert all(exists(registry.name, "shop/several", entry["digest"]) for entry in entries)


def test_an_unknown_registry_is_one_sentence() -> None:
    """The error for an unknown registry host is one ERROR line after one line per retry, with exit code 1."""
    done = _run_target("push", "--registry", "registry.invalid:5000", "--insecure")
    assert (done.returncode, done.stdout) == (1, "")
    *retries, error = done.stderr.splitlines()
    assert len(retries) == 7 and all(line.startswith("registry registry.invalid:5000: ") and "; attempt " in line for line in retries)
    assert error.startswith("ERROR: registry registry.invalid:5000: ")


def test_full_storage_is_one_sentence(registry_program, tmp_path) -> None:
    """A push to a registry with a full disk is not retried, and leaves no incomplete image."""
    data = tmp_path / "registry/data"
    data.mkdir(parents=True)
    # A 1 MiB file system for the registry, in a mount namespace that ends with it.
    small = tmp_path / "small-registry"
    owner = "" if os.getuid() == 0 else "--map-root-user"
    mounted = f"mount -t tmpfs -o size=1m tmpfs {data}"
    small.write_text(f'#!/bin/sh\nexec unshare --mount {owner} sh -c \'{mounted} && exec "$0" "$@"\' {registry_program} "$@"\n')
    small.chmod(0o755)
    pauses: list[float] = []
    with RealRegistry(small, tmp_path / "registry") as registry:
        with pytest.raises(PushError, match=f"registry {registry.name}: .* answered 50[07].*its storage is full; free space there, then push again"):
            push_all([image("hello", "app", ("v1",))], registry.name, client=Registry(registry.name, sleep=pauses.append))
        assert pauses == []
        assert not exists(registry.name, "app", digest("hello"))
