"""Test that kube-score has no critical finding in what this repository applies, but for those of a table with reasons."""

from __future__ import annotations

import copy
import fnmatch
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.programs.build import kubernetes_version
from rules.k8s.tools.objects.image_references import image_uses
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.plan import Plan, read_plan
from rules.k8s.tools.objects.yaml_documents import to_yaml
from tests.manifests.exceptions import EXCEPTIONS
from tests.registries.programs import kube_score
from tests.repo import tree

_CRITICAL = 1
_DIGEST = "@sha256:" + "0" * 64
# What `preload` puts onto the nodes.
_LOADED = re.compile(r"docker\.io/bazel/prod/(registry|storage):image")


def _plans() -> Iterator[Plan]:
    runfiles = Path(os.environ["RUNFILES_DIR"])
    for path in sorted((runfiles / "turnup").rglob("*.describe.plan.jsonl")):
        yield read_plan(path, runfiles)


@pytest.fixture(scope="module", name="objects")
def fixture_objects() -> list[Object]:
    """Every object that the targets of this repository apply, once, with a digest where the build resolves an image."""
    found: dict[str, Object] = {}
    for plan in _plans():
        for obj in copy.deepcopy(plan.objects):
            for use in image_uses(obj):
                if not re.search("[:@]", use.reference):
                    use.replace(f"registry.example/{use.reference}{_DIGEST}")
            metadata = obj["metadata"]
            found[f"{obj['apiVersion']} {obj['kind']} {metadata.get('namespace')} {metadata['name']}"] = obj
    return list(found.values())


def _findings(objects: list[Object], folder: Path) -> set[tuple[str, str, str]]:
    """Returns the critical findings: (check, kind/name, what it says)."""
    manifest = folder / "objects.yaml"
    manifest.write_text("---\n".join(map(to_yaml, objects)))
    options = [
        f"--kubernetes-version={kubernetes_version().rpartition('.')[0]}",
        "--output-format=json",
        # A container that reaches a limit of cpu is slowed down even if nobody else wants the processors.
        "--ignore-container-cpu-limit",
    ]
    done = subprocess.run([kube_score(), "score", *options, str(manifest)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {
        (check["check"]["id"], f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}", comment["summary"])
        for scored in json.loads(done.stdout)
        for check in scored["checks"]
        if not check["skipped"] and check["grade"] <= _CRITICAL
        for comment in check["comments"] or [{"summary": ""}]
    }


def _reasons(check: str, name: str) -> list[int]:
    """Returns the rows of the table that a finding has."""
    return [row for row, (excepted, pattern, _) in enumerate(EXCEPTIONS) if check == excepted and fnmatch.fnmatchcase(name, pattern)]


def test_each_row_has_a_reason():
    """Each row of the table in lib/README.md has a check, objects and a reason."""
    assert EXCEPTIONS
    assert all(cell for row in EXCEPTIONS for cell in row)


def test_no_critical_finding_without_reason(objects, tmp_path):
    """Each critical finding is in the table, and each row of the table has a finding."""
    findings = _findings(objects, tmp_path)

    assert sorted(finding for finding in findings if not _reasons(*finding[:2])) == []
    assert {row for finding in findings for row in _reasons(*finding[:2])} == set(range(len(EXCEPTIONS)))


def test_findings_are_found(objects, tmp_path):
    """A container with all privileges, without limits and probes, is several findings, also beside the objects of the repository."""
    template = {"metadata": {"labels": {"app": "bad"}}, "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]}}
    bad = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bad", "namespace": "dev"}}
    bad["spec"] = {"replicas": 2, "selector": {"matchLabels": {"app": "bad"}}, "template": template}
    found = {check for check, name, _ in _findings([*objects, bad], tmp_path) if name == "Deployment/bad"}

    assert {"container-security-context-privileged", "container-resources", "container-image-tag", "container-ephemeral-storage-request-and-limit"} <= found


def test_images_are_fixed(objects):
    """The reason for the row about images holds: each is named by digest or loaded onto the nodes."""
    images = {use.reference for obj in objects for use in image_uses(obj)}

    assert images
    assert [image for image in images if "@sha256:" not in image and not _LOADED.fullmatch(image)] == []


def test_every_target_is_scored():
    """Each package that has objects, but those of the rules' own tests and of other tests, is in a scored closure."""
    packages = {
        str(path.parent)
        for path in tree.files()
        if path.name in ("BUILD", "BUILD.bazel")
        and path.parts[0] not in ("rules", "tests")
        and re.search(r"^\s*(k8s_object|microservice)\(", tree.text(path), re.MULTILINE)
    }
    scored = {entry.label.removeprefix("//").partition(":")[0] for plan in _plans() for entry in plan.entries}

    assert packages
    assert packages - scored == set()
