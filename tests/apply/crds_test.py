"""Test of the largest definitions in use: those of prometheus-operator, from its Go module."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.programs.toolchain import find_go
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

_MODULES = Path(__file__).resolve().parents[2] / "third_party/go"
_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
# Maximum size of the annotation in which `kubectl apply` stores a copy of the object.
_ANNOTATION_BYTES = 262_144


@pytest.fixture(name="definitions", scope="module")
def fixture_definitions(tmp_path_factory):
    """Returns the CustomResourceDefinitions of the version in third_party/go/operator."""
    folder = tmp_path_factory.mktemp("operator")
    for name in ("go.mod", "go.sum"):
        (folder / name).write_bytes((_MODULES / "operator" / name).read_bytes())
    go = find_go(ProcessRunner(), _MODULES).executable(Progress())
    done = subprocess.run(
        [go, "mod", "download", "-json", _OPERATOR],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"},
    )
    assert done.returncode == 0, done.stderr
    files = sorted(Path(json.loads(done.stdout)["Dir"], "example/prometheus-operator-crd").glob("*.yaml"))
    return [load_yaml_documents(file.read_text(), file.name)[0] for file in files]


def test_all_definitions_of_prometheus_operator_apply_twice(shell, server, definitions):
    """Definitions that are too large for a last-applied annotation are applied and established; a second apply writes nothing."""
    assert len(definitions) == 10
    assert sum(len(json.dumps(each)) > _ANNOTATION_BYTES for each in definitions) >= 5
    shell.make(*definitions, namespace="")  # Like //prod/crds: not in a namespace.

    assert shell.run("apply", "--wait=60s") == 0, shell.err
    assert "10 created" in shell.err
    writes = server.changes()
    assert shell.run("apply", "--wait=60s") == 0, shell.err
    assert "10 unchanged" in shell.err
    assert server.changes() == writes
    assert shell.run("diff") == 0, shell.out
