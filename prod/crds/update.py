"""Writes the definitions of PrometheusRule and ServiceMonitor anew from the Prometheus Operator's Go module.

    bazel run //prod/crds:update

The module (Apache-2.0) is fetched by `go mod download`, which checks it against
Go's checksum database. Kept is what the API server needs: names and schema.
Descriptions are left out; they are documentation, and most of the text.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
SOURCE = "example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
PLURALS = ("prometheusrules", "servicemonitors")

_HEADER = """\
# Written by `bazel run //prod/crds:update`; do not edit.
# Facts of the API from {module} {version} (Apache-2.0),
# {path}, without its descriptions.
"""


class UpdateError(RuntimeError):
    """The module cannot be had, or is not what it was; the text is one sentence."""


def without_descriptions(value: Any, names: bool = False) -> Any:
    """Returns a schema without its descriptions.

    Args:
        value: any part of a definition.
        names: the keys of `value` are names of properties, so that one called
            "description" is a property and stays.
    """
    if isinstance(value, list):
        return [without_descriptions(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_descriptions(item, names=key == "properties" and not names)
        for key, item in value.items()
        if names or key != "description" or not isinstance(item, str)
    }


def reduce(definition: dict[str, Any]) -> dict[str, Any]:
    """Returns a CustomResourceDefinition with what the API server needs.

    Raises:
        UpdateError: it is something else.
    """
    if definition.get("kind") != "CustomResourceDefinition":
        raise UpdateError(f"expected a CustomResourceDefinition, found {definition.get('kind')}")
    return {
        "apiVersion": definition["apiVersion"],
        "kind": definition["kind"],
        "metadata": {"name": definition["metadata"]["name"]},
        "spec": without_descriptions(definition["spec"]),
    }


def module_folder() -> Path:
    """Downloads the module and returns its folder.

    Raises:
        UpdateError: go is missing or cannot download it.
    """
    command = ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    except FileNotFoundError:
        raise UpdateError("go is not on PATH; install Go (./turnup doctor says how)") from None
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise UpdateError(f"cannot download {MODULE}@{VERSION}: {' '.join(reason)}")
    return Path(json.loads(done.stdout)["Dir"])


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the files beside this one in the workspace; returns the exit code."""
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    target = Path(workspace, "prod/crds") if workspace else Path(__file__).parent
    try:
        folder = module_folder()
        for plural in PLURALS:
            path = SOURCE.format(plural=plural)
            definition = reduce(yaml.safe_load((folder / path).read_text()))
            text = _HEADER.format(module=MODULE, version=VERSION, path=path)
            (target / f"{plural}.yaml").write_text(text + yaml.safe_dump(definition, sort_keys=True))
            print(f"wrote prod/crds/{plural}.yaml")
    except (UpdateError, OSError) as error:
        print(f"ERROR: update: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
