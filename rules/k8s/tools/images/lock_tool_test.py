"""Tests of the program that locks images by tag."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from rules.common.testing.hostile import HostileServer
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.image.tools.testing.hostile import ANSWERS
from rules.image.tools.testing.pull_fixtures import fixture_fake, index_digest  # noqa: F401 (pytest finds the fixture by name)
from rules.k8s.tools.images import lock_tool

LABEL = "//shop:ingress.update_images"
OLD = "sha256:" + "a" * 64
HEAD = f"# Images by tag: reference, digest. Update with: bazel run {LABEL}\n"


class Workspace:
    """A workspace with one target whose manifests name images by tag, and its lock."""

    def __init__(self, folder: Path, *references: str):
        self.lock = folder / "src/shop/images.lock"
        self.lock.parent.mkdir(parents=True)
        self.lock.write_text("")
        root = folder / "runfiles/turnup"
        root.mkdir(parents=True)
        users = {reference: f"Deployment shop/ingress, container 'c{number}'" for number, reference in enumerate(references)}
        (root / "objects.json").write_text(json.dumps({"label": "//shop:ingress", "other_images": users}))
        plan = {"label": LABEL, "lock": "shop/images.lock", "workspace": "turnup", "documents": ["objects.json"]}
        (root / "plan.json").write_text(json.dumps(plan))
        self.environ = {"RUNFILES_DIR": str(folder / "runfiles"), "BUILD_WORKSPACE_DIRECTORY": str(folder / "src")}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Runs the program; returns exit code, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        return lock_tool.main(["turnup/plan.json", *arguments], out, err, self.environ), out.getvalue(), err.getvalue()


def test_every_tag_gets_its_present_digest(tmp_path, fake: FakeRegistry) -> None:
    """The lock has the digest of the index of each image, as the registry has it now; a second run changes nothing."""
    reference = f"{fake.name}/a/b:v1"
    workspace = Workspace(tmp_path, reference)

    assert workspace.run() == (0, f"shop/images.lock: 1 changed\n  {reference}: not locked -> {index_digest(fake)}\n", "")
    assert workspace.lock.read_text() == f"{HEAD}{reference} {index_digest(fake)}\n"
    assert workspace.run() == (0, "shop/images.lock: up to date\n", "")


def test_a_tag_that_moved_is_told_and_a_gone_image_removed(tmp_path, fake: FakeRegistry) -> None:
    """Old and new digest are printed, and lines of images that no manifest names go; --dry-run prints the same and writes nothing."""
    reference = f"{fake.name}/a/b:v1"
    workspace = Workspace(tmp_path, reference)
    before = f"{HEAD}gone:1 {OLD}\n{reference} {OLD}\n"
    workspace.lock.write_text(before)
    changes = f"  {reference}: {OLD} -> {index_digest(fake)}\n  gone:1: {OLD} -> removed\n"

    assert workspace.run("--dry-run") == (0, f"shop/images.lock: 2 would change\n{changes}", "")
    assert workspace.lock.read_text() == before
    assert workspace.run() == (0, f"shop/images.lock: 2 changed\n{changes}", "")


def test_one_image_can_be_updated_alone(tmp_path, fake: FakeRegistry) -> None:
    """Other images keep their lines, and their registries are not asked; a reference that no manifest has is wrong usage."""
    reference = f"{fake.name}/a/b:v1"
    workspace = Workspace(tmp_path, reference, "registry.invalid/x:1")
    workspace.lock.write_text(f"{HEAD}registry.invalid/x:1 {OLD}\n")

    assert workspace.run(reference)[0] == 0
    assert workspace.lock.read_text() == f"{HEAD}{reference} {index_digest(fake)}\nregistry.invalid/x:1 {OLD}\n"
    code, _, err = workspace.run("x:1")
    assert code == 2 and f"'x:1' is not an image by tag of {LABEL}. Use one of {reference}, registry.invalid/x:1." in err


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{registry}/a/b:v2", "registry {registry}: a/b v2: answered 404; check repository, digest and tag. shop/images.lock was not changed."),
        ("auto:", "//shop:ingress: Deployment shop/ingress, container 'c0': auto:: '' is not a tag; use up to 128 letters"),
        ("Vendor/App:1", "container 'c0': Vendor/App:1: 'Vendor/App' is not a repository name; use lower-case letters"),
        ("{registry}/a/none:v1", "registry {registry}/a/none:v1: layers is a NoneType, but must be a list"),
    ],
)
def test_a_registry_without_the_image_leaves_the_lock(tmp_path, fake: FakeRegistry, reference: str, message: str) -> None:
    """One sentence names the image and the reason, and the lock stays as it was."""
    fake.manifests["a/none", "v1"] = json.dumps(
        {"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": OLD, "size": 1}}
    ).encode()
    workspace = Workspace(tmp_path, reference.format(registry=fake.name))
    code, out, err = workspace.run()

    assert (code, out) == (1, "") and message.format(registry=fake.name).removeprefix("registry ") in err and err.count("\n") == 1
    assert workspace.lock.read_text() == ""


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("nginx", ("registry-1.docker.io", "library/nginx", "latest")),
        ("bitnami/redis:7.0", ("registry-1.docker.io", "bitnami/redis", "7.0")),
        ("docker.io/nginx:1", ("registry-1.docker.io", "library/nginx", "1")),
        ("registry.example:5000/a/b", ("registry.example:5000", "a/b", "latest")),
        ("localhost/a:1", ("localhost", "a", "1")),
    ],
)
def test_references_lead_where_container_runtimes_look(reference: str, place: tuple[str, str, str]) -> None:
    """A reference without a registry is on Docker Hub, below library/ without a slash, and without a tag it is latest."""
    found = lock_tool.split_tag_reference(reference, "x")
    assert (found.registry, found.repository, found.tag) == place


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_registry_leaves_the_lock(tmp_path, monkeypatch, answer: str) -> None:
    """Whatever a registry answers, the program ends in time with one sentence that names it, and the lock stays as it was."""
    for name, value in {"http1.TIMEOUT": 0.1, "http1.BODY_TIMEOUT": 0.15, "retry.ATTEMPTS": 1}.items():
        monkeypatch.setattr(f"rules.image.tools.registry.{name}", value)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with HostileServer(ANSWERS[answer]) as server:
        workspace = Workspace(tmp_path, f"{server.name}/a/b:v1")
        code, out, err = workspace.run()
    assert (code, out) == (1, "") and err.startswith("ERROR: ") and server.name in err and err.count("\n") == 1 and err.strip().isprintable()
    assert workspace.lock.read_text() == ""


def test_it_runs_only_under_bazel(tmp_path) -> None:
    """Without the workspace's folder the program says how to start it."""
    workspace = Workspace(tmp_path, "nginx")
    del workspace.environ["BUILD_WORKSPACE_DIRECTORY"]
    assert workspace.run()[2] == f"ERROR: {LABEL}: BUILD_WORKSPACE_DIRECTORY is not set. Start the target with 'bazel run'.\n"
