"""The packages of a requirements file, as pip-compile and uv write it, that one interpreter installs."""

from __future__ import annotations

import dataclasses
import re

from rules.common.errors import InputError

try:
    # pip brings packaging, so that reading a lock needs no package of its own.
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
except ModuleNotFoundError:  # Tests have packaging, and not pip.
    from packaging.requirements import InvalidRequirement, Requirement  # type: ignore[assignment]

__all__ = ["Package", "normalize", "parse", "required"]

_HASH = re.compile(r"\s+--hash[= ](\S+)")


@dataclasses.dataclass(frozen=True)
class Package:
    """One pinned package.

    Attributes:
        name: the normalized name.
        requirement: the requirement as the lock spells it, without its environment marker.
        extras: names of the extras that are asked for. Empty: none.
        hashes: the hashes of the files that may be installed, each `algorithm:hexadecimal digits`.
    """

    name: str
    requirement: str
    extras: list[str]
    hashes: list[str]


def normalize(name: str) -> str:
    """Returns a distribution's name as a Bazel package name: lower case, every run of - _ . as one underscore (PEP 503 with `_`)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def required(lines: list[str], extras: list[str]) -> set[str]:
    """Returns the normalized names of the packages that a package needs on this interpreter.

    Args:
        lines: the Requires-Dist lines of the package's metadata.
        extras: the extras of the package that are asked for.
    """
    requirements = [Requirement(line) for line in lines]
    return {normalize(each.name) for each in requirements if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ["", *extras])}


def parse(text: str, where: str) -> tuple[list[str], list[Package]]:
    """Returns what a lock asks pip for.

    Args:
        text: the requirements file.
        where: the file's name for errors.

    Returns:
        the lines with pip's options, and the packages whose environment markers hold on this interpreter.

    Raises:
        InputError: a line is not a pinned requirement with hashes.
    """
    options: list[str] = []
    packages: dict[str, Package] = {}
    for number, line in _lines(text):
        place = f"{where}:{number}"
        if re.match(r"(-r|-c|-e|--requirement|--constraint|--editable)\b", line):
            raise InputError(f"{place}: {line.split()[0]} names something that is not locked here. Compile it into this file.")
        if line.startswith("-"):
            options.append(line)
            continue
        package = _package(line, place)
        if package is None:
            continue
        if package.name in packages:
            raise InputError(f"{place}: {package.name} is locked twice for this Python. Keep one of the lines.")
        packages[package.name] = package
    return options, list(packages.values())


def _lines(text: str) -> list[tuple[int, str]]:
    """Returns the logical lines of a requirements file with the number of their first line."""
    found, start, parts = [], 0, []
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        # As pip reads it: a comment begins at the line's begin or after a space, and ends a continued line.
        line = re.sub(r"(^|\s)#.*$", "", raw)
        start = start or number
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            if whole := " ".join(parts).strip():
                found.append((start, whole))
            start, parts = 0, []
    return found


def _package(line: str, place: str) -> Package | None:
    """Returns the package of a line; None if its environment marker does not hold."""
    hashes = _HASH.findall(line)
    try:
        found = Requirement(_HASH.sub("", line).strip())
    except InvalidRequirement as error:
        raise InputError(f"{place}: not a requirement ({str(error).splitlines()[0]}). Write NAME==VERSION --hash=sha256:…") from None
    if found.marker is not None and not found.marker.evaluate():
        return None
    pins = list(found.specifier)
    if not found.url and (len(pins) != 1 or pins[0].operator not in ("==", "===") or pins[0].version.endswith("*")):
        raise InputError(f"{place}: {found.name} is not pinned. Write the lock with pip-compile --generate-hashes.")
    if not hashes:
        raise InputError(f"{place}: {found.name} has no hash. Write the lock with pip-compile --generate-hashes.")
    extras = sorted(found.extras)
    words = f"[{','.join(extras)}]" if extras else ""
    requirement = f"{found.name}{words} @ {found.url}" if found.url else f"{found.name}{words}{pins[0]}"
    return Package(normalize(found.name), requirement, extras, hashes)
