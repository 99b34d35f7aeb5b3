"""Updates the definitions of PrometheusRule and ServiceMonitor from the Prometheus Operator's Go module.

    bazel run //prod/crds:update

`go mod download` fetches the module (Apache-2.0) and checks it against Go's
checksum database. The files keep what the API server needs: names and schemas.
They leave out descriptions, which are documentation and most of the text.
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
# {path}, without descriptions.
"""


class UpdateError(RuntimeError):
    """The module cannot be downloaded, or its files are not as expected; the text is one sentence."""


def strip_descriptions(value: Any, names: bool = False) -> Any:
    """Returns a schema without its descriptions.

    Args:
        value: any part of a definition.
        names: True if the keys of `value` are names of properties. A property
            called "description" is kept.

    Returns:
        A copy of `value` without descriptions.
    """
    if isinstance(value, list):
        return [strip_descriptions(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: strip_descriptions(item, names=key == "properties" and not names)
        for key, item in value.items()
        if names or key != "description" or not isinstance(item, str)
    }


def reduce(definition: dict[str, Any]) -> dict[str, Any]:
    """Reduces a CustomResourceDefinition to what the API server needs.

    Args:
        definition: the definition as the module has it.

    Returns:
        Its apiVersion, kind, name and spec, without descriptions.

    Raises:
        UpdateError: the object has another kind.
    """
    if definition.get("kind") != "CustomResourceDefinition":
        raise UpdateError(f"kind is {definition.get('kind')}, not CustomResourceDefinition; check SOURCE in prod/crds/update.py")
    return {
        "apiVersion": definition["apiVersion"],
        "kind": definition["kind"],
        "metadata": {"name": definition["metadata"]["name"]},
        "spec": strip_descriptions(definition["spec"]),
    }


def module_folder() -> Path:
    """Downloads the module.

    Returns:
        The folder that Go extracted it to.

    Raises:
        UpdateError: Go is missing or cannot download the module.
    """
    command = ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    except FileNotFoundError:
        raise UpdateError("go is not on PATH; install Go (run ./turnup doctor)") from None
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise UpdateError(f"cannot download {MODULE}@{VERSION}: {' '.join(reason)}")
    return Path(json.loads(done.stdout)["Dir"])


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the definitions to prod/crds in the workspace.

    Args:
        argv: arguments; there are none.

    Returns:
        Exit code: 0, or 1 if the update failed.
    """
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
