"""A registry of modules in a folder, for Bazel 7 without a network: Debian's rule sets, and stand-ins for what nothing here uses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

# Where Bazel sees Debian's rule sets, and the registry.
_DEBIAN, _SEEN_AS = Path("/usr/share/bazel"), Path("/registry")
# Module -> Debian's folder of it.
_FOLDERS = {
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_java": "rules/java",
    "rules_license": "rules/license",
    "rules_proto": "rules/proto",
    "rules_python": "rules/python",
    "rules_shell": "rules/shell",
}
# Module -> files. Bazel's own modules name these, and nothing that is built here needs more of them.
_STAND_INS = {
    "apple_support": {"BUILD": ""},
    "buildozer": {
        "BUILD": "",
        "buildozer_binary.bzl": "buildozer_binary = module_extension(implementation = lambda _: None)\n",
    },
    "protobuf": {"BUILD": ""},
    "zlib": {"BUILD": ""},
}
_DEPENDENCY = re.compile(r'bazel_dep\(\s*name = "(\w+)",\s*version = "([^"]+)"([^)]*)\)')
_MODULE = re.compile(r"\bmodule\([^)]*\)")


def _dependencies(text: str) -> set[tuple[str, str]]:
    """Returns name and version of what a MODULE.bazel needs when it is not the root's."""
    return {(name, version) for name, version, rest in _DEPENDENCY.findall(text) if "dev_dependency" not in rest}


def _texts(debian: Path) -> dict[str, str]:
    """Returns the MODULE.bazel of each module, without its module()."""
    found = {name: _MODULE.sub("", (debian / folder / "MODULE.bazel").read_text(), count=1) for name, folder in _FOLDERS.items()}
    return {**found, **dict.fromkeys(_STAND_INS, "")}


def write(folder: Path, debian: Path, modules: Sequence[str]) -> None:
    """Writes the registry.

    Args:
        folder: where to write it. Bazel sees it as /registry.
        debian: Debian's folder of rule sets.
        modules: the texts of the MODULE.bazel files whose dependencies it must have.
    """
    texts = _texts(debian)
    asked = {need for text in [*modules, *texts.values()] for need in _dependencies(text)}
    for name, files in _STAND_INS.items():
        # The empty file makes the folder a repository.
        for file, text in {**files, "REPO.bazel": ""}.items():
            _write(folder / "sources" / name / file, text)
    for name, version in asked:
        place = folder / "modules" / name / version
        _write(place / "MODULE.bazel", f'module(name = "{name}", version = "{version}")\n{texts[name]}')
        path = _DEBIAN / _FOLDERS[name] if name in _FOLDERS else _SEEN_AS / "sources" / name
        _write(place / "source.json", json.dumps({"type": "local_path", "path": str(path)}))
    _write(folder / "bazel_registry.json", "{}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
