"""Writes the wheel `turnup`, with the same bytes on every machine: the command `turnup init`, from the files of a release."""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import io
import json
import re
import sys
import tarfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from cli.init import pin
from release.archive import TIME

_START = "cli/init/standalone.py"
_ENTRY = "cli/init/entry.py"
_TEMPLATES = "cli/init/templates/"
_SOURCE = "turnup/_source"
_PYTHON = ">=3.11"
# Distribution -> the module that is imported, where the two differ.
_MODULES = {"PyYAML": "yaml"}
_DESCRIPTION = """\
`turnup init` writes a Bazel monorepo of microservices, or adds Turnup to one that exists: Bazel rules that take services from source
to a running stack on Kubernetes. `./turnup` in that repository then runs the version that it pins.
"""


def imported(text: str) -> set[str]:
    """Returns the modules that a module imports, at the top or in a function; of `from a import b`, both a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def closure(sources: Mapping[str, bytes], start: str) -> tuple[set[str], set[str]]:
    """Returns the files that a module needs, itself included, and the top-level modules of others that they import.

    Args:
        sources: path -> content.
        start: the module's path.
    """
    files, others, waiting = set(), set(), [start]
    ours = {path.partition("/")[0] for path in sources if path.endswith(".py")}
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        files.add(path)
        for module in imported(sources[path].decode()):
            if module.partition(".")[0] not in ours:
                others.add(module.partition(".")[0])
            elif (file := f"{module.replace('.', '/')}.py") in sources:
                waiting.append(file)
    return files, others - sys.stdlib_module_names


def requirements(sources: Mapping[str, bytes], modules: set[str]) -> list[str]:
    """Returns the requirements of the imported modules: at least the locked version, which is tested, and below the next major one.

    Args:
        sources: path -> content, with cli/requirements.in and its lock.
        modules: top-level modules.

    Raises:
        SystemExit: cli/requirements.in lacks the package of a module.
    """
    names = re.findall(r"^([\w.-]+)", sources["cli/requirements.in"].decode(), re.MULTILINE)
    by_module = {_MODULES.get(name, name.replace("-", "_")): name for name in names}
    versions = {name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", sources["cli/requirements.lock"].decode(), re.MULTILINE)}
    result = []
    for module in sorted(modules):
        if module not in by_module:
            raise SystemExit(f"cli/requirements.in has no package with the module {module}; add it there and run ./turnup update python")
        major, minor = versions[by_module[module].lower()].split(".")[:2]
        result.append(f"{by_module[module]}>={major}.{minor},<{int(major) + 1}")
    return result


def contents(sources: Mapping[str, bytes], version: str, url: str, sha256: str) -> dict[str, bytes]:
    """Returns the files of the wheel, without RECORD.

    Args:
        sources: the files of the release, path -> content.
        version: Turnup's version.
        url: where the release will be; empty: not known.
        sha256: of the release.
    """
    modules, others = closure(sources, _START)
    kept = modules | {path for path in sources if path.startswith(_TEMPLATES)}
    files = {f"{_SOURCE}/{path}": sources[path] for path in kept}
    # Python prefers a package with this file to one without it, wherever the two are on its path.
    folders = {str(folder) for path in modules for folder in PurePosixPath(path).parents if str(folder) != "."}
    files |= {f"{_SOURCE}/{folder}/__init__.py": b"" for folder in folders}
    files[f"{_SOURCE}/{pin.WHEEL_RELEASE}"] = (json.dumps({"url": url, "sha256": sha256}, indent=2) + "\n").encode()
    files["turnup/__init__.py"] = b'"""The command `turnup`."""\n'
    files["turnup/__main__.py"] = sources[_ENTRY]
    head = [
        *("Metadata-Version: 2.4", "Name: turnup", f"Version: {version}"),
        "Summary: Writes Bazel monorepos of microservices that Turnup takes from source to a running stack on Kubernetes",
        *("License-Expression: Apache-2.0", "License-File: LICENSE", "Classifier: Environment :: Console"),
        *(f"Requires-Python: {_PYTHON}", *(f"Requires-Dist: {line}" for line in requirements(sources, others))),
        "Description-Content-Type: text/markdown",
    ]
    about = f"turnup-{version}.dist-info"
    files[f"{about}/METADATA"] = ("\n".join(head) + "\n\n" + _DESCRIPTION).encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: turnup\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{about}/entry_points.txt"] = b"[console_scripts]\nturnup = turnup.__main__:main\n"
    files[f"{about}/licenses/LICENSE"] = sources["LICENSE"]
    return files


def pack(files: Mapping[str, bytes], version: str) -> bytes:
    """Returns a wheel with the given files and their RECORD; nothing is compressed, because zlib's bytes depend on the machine."""
    record = f"turnup-{version}.dist-info/RECORD"
    rows = [f"{path},sha256={_digest(files[path])},{len(files[path])}" for path in sorted(files)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as wheel:
        for path in [*sorted(files), record]:
            entry = zipfile.ZipInfo(path, time.gmtime(TIME)[:6])
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            wheel.writestr(entry, files[path] if path != record else "\n".join([*rows, f"{record},,"]) + "\n")
    return out.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def unpack(archive: Path) -> dict[str, bytes]:
    """Returns the files of a release: path without the archive's folder -> content."""
    with tarfile.open(archive) as opened:
        pairs = ((member.name.partition("/")[2], opened.extractfile(member)) for member in opened.getmembers())
        return {path: file.read() for path, file in pairs if file}


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="wheel", description=__doc__)
    parser.add_argument("--version", required=True, help="Turnup's version")
    parser.add_argument("--url", required=True, help="where the release will be; empty: not known")
    parser.add_argument("--archive", type=Path, required=True, help="the release")
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to write")
    return parser


def main(argv: Sequence[str] = ()) -> int:
    """Writes the wheel.

    Args:
        argv: the arguments; empty: those of the process.
    """
    arguments = build_parser().parse_args(argv or sys.argv[1:])
    sha256 = hashlib.sha256(arguments.archive.read_bytes()).hexdigest()
    files = contents(unpack(arguments.archive), arguments.version, arguments.url, sha256)
    arguments.wheel.write_bytes(pack(files, arguments.version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
