"""Writes the schemas of one minor version of Kubernetes, from those that the Python package kubernetes-validate publishes.

    schemas_tool WHEEL FACTS VERSION OUTPUT

The published schemas are strict (they refuse unknown fields), but leave out what Kubernetes says elsewhere: the values of
enumerations, the range of integers, the form of quantities and base64. This adds it, and takes out the descriptions, so that a
build action reads a third of a megabyte instead of one and a half.

Sources: kubernetes-validate (Apache-2.0) has the schemas, api_facts.json the enumerations; the form of quantities is that of
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rules.k8s.tools.errors import TurnupError, run_main

Schema = dict[str, Any]

QUANTITY = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$"
BASE64 = r"^\s*(([A-Za-z0-9+/]\s*){4})*(([A-Za-z0-9+/]\s*){2}=\s*=|([A-Za-z0-9+/]\s*){3}=)?\s*$"

_FILE = re.compile(r"kubernetes_validate/kubernetes-json-schema/v(1\.[0-9]+)\.0-local-strict/_definitions\.json")
_BOUNDS = {"int32": 2**31, "int64": 2**63}
_PORTS = ("containerPort", "hostPort", "nodePort")
# Fields that the published schemas require, and no server does: //tests/apply:schemas_test finds them.
_NOT_REQUIRED = {
    "io.k8s.api.batch.v1.PodFailurePolicy": ("rules",),
    "io.k8s.api.core.v1.LimitRangeSpec": ("limits",),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion": ("served", "storage"),
}
# What the published schemas describe by alternatives is one list of types; a pattern says something of texts only.
_SPECIAL: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number", "null"], "pattern": QUANTITY},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer", "null"]},
}


def read_definitions(wheel: Path, version: str) -> dict[str, Schema]:
    """Returns the published definitions of a minor version.

    A field that the newest version does not require is not required: the older description was wrong, because a server never stops to
    require what it needs (spec.serviceName of StatefulSets, for example).

    Args:
        wheel: the wheel of kubernetes-validate.
        version: such as 1.34.

    Returns:
        {name, such as io.k8s.api.apps.v1.Deployment: JSON schema}.

    Raises:
        TurnupError: the wheel does not have the version.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = {match[1]: name for name in archive.namelist() if (match := _FILE.fullmatch(name))}
        if version not in files:
            known = sorted(files, key=minor)
            raise TurnupError(
                f"cluster_constants.bzl: KUBERNETES has {version!r}, of which there are no schemas; write minor versions from {known[0]} to {known[-1]}"
            )
        newest = max(files, key=minor)
        definitions: dict[str, Schema] = json.loads(archive.read(files[version]))["$defs"]
        latest: dict[str, Schema] = json.loads(archive.read(files[newest]))["$defs"]
    for name in definitions.keys() & latest.keys():
        schema, later = definitions[name], latest[name]
        if "required" in schema:
            schema["required"] = [field for field in schema["required"] if field in later.get("required", []) or field not in later.get("properties", {})]
    return definitions


def complete(definitions: Mapping[str, Schema], facts: Mapping[str, Any]) -> Schema:
    """Returns the document that a build action reads.

    Args:
        definitions: see read_definitions.
        facts: api_facts.json.

    Returns:
        {kinds: {apiVersion/kind: name of the definition}, definitions: {name: JSON schema}, lifecycles: see api_facts.json}.
    """
    kinds: dict[str, str] = {}
    for name, schema in definitions.items():
        served = schema.get("x-kubernetes-group-version-kind", [])
        # Shared types such as DeleteOptions name every group; no manifest has them.
        if len(served) == 1:
            parts = [served[0][part] for part in ("group", "version", "kind")]
            kinds["/".join(part for part in parts if part)] = name
    shrunk = {name: _SPECIAL.get(name) or _shrink(schema) for name, schema in definitions.items()}
    for name, schema in shrunk.items():
        # A manifest may have a part of a status, which the server drops.
        dropped = schema.get("required", ()) if name.endswith("Status") else _NOT_REQUIRED.get(name, ())
        if dropped:
            schema["required"] = [field for field in schema["required"] if field not in dropped]
    for place, values in facts["enums"].items():
        owner, _, field = place.rpartition(".")
        if field in shrunk.get(owner, {}).get("properties", {}):
            schema = shrunk[owner]["properties"][field]
            target = schema.get("items", schema)
            # The server reads an empty text as a field that is not there.
            target["enum"] = [*values, "", None] if "null" in target["type"] else [*values, ""]
    return {"kinds": kinds, "definitions": shrunk, "lifecycles": facts["lifecycles"]}


def minor(version: str) -> int:
    """Returns the number of a minor version: 34 of 1.34."""
    return int(version.rpartition(".")[2])


def _shrink(schema: Schema) -> Schema:
    """Returns a schema without descriptions, with the limits that its format means."""
    result: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: _bounded(name, _shrink(child)) for name, child in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = _shrink(value)
        elif key == "format" and value in _BOUNDS:
            result.update(minimum=-_BOUNDS[value], maximum=_BOUNDS[value] - 1)
        elif key == "format" and value == "byte":
            result["pattern"] = BASE64
        elif key != "description" and not key.startswith("x-"):
            result[key] = value
    return result


def _bounded(name: str, schema: Schema) -> Schema:
    """Returns the schema of a field, with the range of ports if it is one."""
    return {**schema, "minimum": 0 if name == "hostPort" else 1, "maximum": 65535} if name in _PORTS else schema


def main(argv: list[str]) -> int:
    """Writes the file; returns the exit code."""

    def body() -> int:
        wheel, facts, version, output = argv
        document = complete(read_definitions(Path(wheel), version), json.loads(Path(facts).read_text(encoding="utf-8")))
        Path(output).write_text(json.dumps({"version": version, **document}, separators=(",", ":"), sort_keys=True), encoding="utf-8")
        return 0

    return run_main(body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
