"""Writes api_facts.json from the Go module k8s.io/api: what the published schemas do not say.

    python3 rules/k8s/tools/schemas/update_api_facts.py [VERSION]

The module is downloaded by the `go` command, which checks its hash. Run it when Kubernetes has a new minor version. An old version of
the module is read, too: it still has the APIs that are long gone, and what to use instead.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODULE = "k8s.io/api"
OLD_VERSION = "v0.24.17"
"""The last minor version with autoscaling/v2beta1, v2beta2 and PodSecurityPolicy."""

_IMPORT = re.compile(r'^\t(?:(\w+) )?"k8s\.io/api/(\w+)/(v\w+)"', re.MULTILINE)
_GROUP = re.compile(r'^const GroupName = "([^"]*)"', re.MULTILINE)
_ENUM = re.compile(r"^// \+enum\n(?://.*\n)*type (\w+) string", re.MULTILINE)
_CONSTANT = re.compile(r'^\s*\w+\s+(\w+)\s+= "([^"]*)"', re.MULTILINE)
_CONVERTED = re.compile(r'^\s*\w+\s+=\s(\w+)\("([^"]*)"\)', re.MULTILINE)
# A constant that is another constant: the values of its type are not all known here.
_UNKNOWN = re.compile(r"^\s*\w+\s+=\s*(\w+)\([^\")]|^\s*\w+\s+(\w+)\s+= [^\"\s]", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r'^\t\w+\s+(\[\])?\*?((?:\w+\.)?\w+)\s+`json:"(\w+)', re.MULTILINE)
_INLINE = re.compile(r'^\t(\w+) `json:",inline"', re.MULTILINE)
_LIFECYCLE = re.compile(r"^func \(in \*(\w+)\) APILifecycle(Deprecated|Removed)\(\).*\{\n\treturn (\d+), (\d+)", re.MULTILINE)
_REPLACEMENT = re.compile(
    r'^func \(in \*(\w+)\) APILifecycleReplacement\(\).*\{\n\treturn schema.GroupVersionKind\{Group: "([^"]*)", Version: "([^"]*)", Kind: "([^"]*)"',
    re.MULTILINE,
)


def versions(module: Path) -> Iterator[tuple[str, str, str, Path]]:
    """Yields (folder of the group, name of the group, version, folder) of each version of an API in the module."""
    for register in sorted(module.glob("*/v*/register.go")):
        group = _GROUP.search(register.read_text(encoding="utf-8"))
        if group:
            yield register.parent.parent.name, group[1], register.parent.name, register.parent


def enums(module: Path) -> dict[str, list[str]]:
    """Returns {definition and field, such as io.k8s.api.core.v1.ContainerPort.protocol: values}, of fields with a closed list of values."""
    values: dict[tuple[str, str], set[str]] = {}
    sources = {
        (folder, version): (path / "types.go").read_text(encoding="utf-8") for folder, _, version, path in versions(module) if (path / "types.go").exists()
    }
    for (folder, version), text in sources.items():
        names = {match[1] for match in _ENUM.finditer(text)} - {match[1] or match[2] for match in _UNKNOWN.finditer(text)}
        for match in (*_CONSTANT.finditer(text), *_CONVERTED.finditer(text)):
            if match[1] in names:
                values.setdefault((f"{folder}{version}", match[1]), set()).add(match[2])
    found: dict[str, list[str]] = {}
    for (folder, version), text in sources.items():
        packages = {match[1] or match[3]: f"{match[2]}{match[3]}" for match in _IMPORT.finditer(text)}
        bodies = {struct[1]: struct[2] for struct in _STRUCT.finditer(text)}
        for name, body in bodies.items():
            # The fields of an inlined struct are those of the struct around it.
            whole = "\n".join([body, *(bodies.get(inline[1], "") for inline in _INLINE.finditer(body))])
            for field in _FIELD.finditer(whole):
                package, _, kind = field[2].rpartition(".")
                allowed = values.get((packages.get(package, "") if package else f"{folder}{version}", kind))
                if allowed:
                    found[f"io.k8s.api.{folder}.{version}.{name}.{field[3]}"] = sorted(allowed)
    return found


def lifecycles(module: Path) -> dict[str, dict[str, str]]:
    """Returns {apiVersion/kind: {deprecated, removed: minor version; instead: apiVersion/kind}} of kinds that a version stops to serve."""
    found: dict[str, dict[str, str]] = {}
    for _, group, version, path in versions(module):
        for name in sorted(path.glob("zz_generated.*lifecycle.go")):
            text = name.read_text(encoding="utf-8")
            own = f"{group}/{version}" if group else version
            for match in _LIFECYCLE.finditer(text):
                if not match[1].endswith("List"):
                    found.setdefault(f"{own}/{match[1]}", {})[match[2].lower()] = f"{match[3]}.{match[4]}"
            for match in _REPLACEMENT.finditer(text):
                if f"{own}/{match[1]}" in found:
                    found[f"{own}/{match[1]}"]["instead"] = "/".join(part for part in match.groups()[1:] if part)
    return found


def _download(version: str) -> tuple[str, Path]:
    """Returns the version that a name such as `latest` stands for, and the folder of the module."""
    listed = subprocess.run(["go", "mod", "download", "-json", f"{MODULE}@{version}"], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(listed.stdout)
    return answer["Version"], Path(answer["Dir"])


def main(argv: list[str]) -> int:
    """Downloads the module in a version (latest when not given), and writes the file beside this program."""
    version, module = _download(argv[0] if argv else "latest")
    _, old = _download(OLD_VERSION)
    facts = {
        "source": f"{MODULE} {version} and {OLD_VERSION} (Apache-2.0)",
        "enums": enums(module),
        "lifecycles": {**lifecycles(old), **lifecycles(module)},
    }
    text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
    Path(__file__).with_name("api_facts.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
