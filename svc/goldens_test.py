"""Tests that the objects of each service in each environment equal the files in goldens/.

UPDATE=1 bazel run //svc:goldens_test        # rewrites the files; review the diff
"""

import json
import os
from pathlib import Path

import pytest

from rules.k8s.tools.objects.image_references import image_uses
from rules.k8s.tools.objects.yaml_documents import to_yaml

ENVS = os.environ["ENVS"].split()
DEVELOPER_ENV = os.environ["DEVELOPER_ENV"]
PACKAGES = ("python/client", "python/redis", "python/server", "svc")


def rendered(package: str, env: str) -> str:
    """Returns the objects as printed by `.show`, with placeholders for images and the developer's name, which differ by machine."""
    document = json.loads(Path(package, f"{env}.resolved.json").read_text())
    objects, namespace = document["objects"], document["namespace"]
    for obj in objects:
        for use in image_uses(obj):
            use.replace("IMAGE")
    text = "---\n".join(map(to_yaml, objects))
    if env == DEVELOPER_ENV:
        text = text.replace(f"namespace: {namespace}\n", f"namespace: {env}\n").replace(f".{namespace}.svc", f".{env}.svc")
    return text


def test_every_environment_is_there():
    """Every environment of cluster_constants.bzl has resolved manifests and goldens, and there are no others."""
    assert {path.name.partition(".")[0] for path in Path("svc").glob("*.resolved.json")} == set(ENVS)
    goldens = {path.stem for path in Path("svc/goldens").glob("*.yaml")}
    assert goldens == {f"{package.rpartition('/')[2]}_{env}" for package in PACKAGES for env in ENVS}


@pytest.mark.parametrize("env", ENVS)
@pytest.mark.parametrize("package", PACKAGES)
def test_golden(package, env):
    """The objects of a service in an environment equal its golden file."""
    name = f"svc/goldens/{package.rpartition('/')[2]}_{env}.yaml"
    text = rendered(package, env)
    if os.environ.get("UPDATE"):
        (Path(os.environ["BUILD_WORKSPACE_DIRECTORY"]) / name).write_text(text)
        return
    assert Path(name).read_text() == text, f"{name} is out of date; run UPDATE=1 bazel run //svc:goldens_test and review the diff"
