"""The files that `turnup init` writes, and how it writes them: all or none, and never over a file that exists."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from cli.common.workspace import VERSION
from cli.init.pin import Pin
from cluster.common.errors import TurnupError, UsageError

TEMPLATES = Path(__file__).resolve().parent / "templates"
_DECLARED = re.compile(r"""\bname\s*=\s*['"]turnup['"]""")
_MODULE = "MODULE.bazel"
_WORKSPACES = ("WORKSPACE.bazel", "WORKSPACE")
# What must be executable.
_PROGRAMS = ("turnup", "tools/bazel")
_SERVICE = ("BUILD", "greeter.jsonnet", "main.py", "main_test.py", "service.yaml")


@dataclass
class Plan:
    """What `turnup init` does to a folder.

    Attributes:
        folder: the repository's root.
        new: files to create -> content.
        longer: files that exist -> what is appended.
        left: files that exist and stay as they are -> what to do about each; empty for nothing.
    """

    folder: Path
    new: dict[str, str] = field(default_factory=dict)
    longer: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def template(name: str, /, **values: str) -> str:
    """Returns a template, a file with the suffix .tpl, with its `%{key}` replaced."""
    text = (TEMPLATES / f"{name}.tpl").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"%{{{key}}}", value)
    return text


def module_name(folder: Path) -> str:
    """Returns a folder's name as the name of a Bazel module: lower case letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    return name if name[:1].isalpha() else f"repo_{name}".rstrip("_")


def plan(folder: Path, pin: Pin, *, bazel_4: bool) -> Plan:
    """Returns what to write into a folder.

    Args:
        folder: the repository's root; it may be missing or empty.
        pin: the version of Turnup.
        bazel_4: whether the machine's Bazel needs flags that Bazel 7 refuses.

    Raises:
        UsageError: the folder has Turnup already, or a file in the way.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the root of a repository")
    result = Plan(folder)
    for name in (_MODULE, *_WORKSPACES):
        if _DECLARED.search(_read(folder / name)):
            raise UsageError(f"{folder / name} declares turnup already; edit it to change its version, or run ./turnup up")
    exists = _declare(result, pin)
    _add(result, ".bazelrc", template("bazelrc"))
    _add(result, ".gitignore", template("gitignore"))
    if bazel_4:
        own = "make it add --bazelrc=tools/bazel_4.bazelrc for Bazel 4 and 5"
        _create(result, "tools/bazel", template("tools/bazel"), left=own)
        _create(result, "tools/bazel_4.bazelrc", template("tools/bazel_4.bazelrc"))
    _create(result, "turnup", template("turnup"), "rename it: Turnup's launcher has this name")
    _create(result, "cluster_constants.bzl", template("cluster_constants.bzl"))
    if not (folder / "BUILD.bazel").exists():
        _create(result, "BUILD", template("BUILD"))
    _create(result, "prod/BUILD", template("prod/BUILD"), left='add a target `setup` that has "@turnup//prod:setup" among its objects')
    if not exists and not (folder / "greeter").exists():
        for name in _SERVICE:
            result.new[f"greeter/{name}"] = template(f"greeter/{name}")
    return result


def _declare(result: Plan, pin: Pin) -> bool:
    """Adds Turnup's declaration to the files of a repository that exists, or to new ones; returns whether it exists.

    A repository that has only one of WORKSPACE and MODULE.bazel does not get the other, because its other dependencies would be missing there.
    """
    lines = {
        _MODULE: f"{pin.module(VERSION)}\n\n{template('MODULE.lines')}",
        **dict.fromkeys(_WORKSPACES, f"{pin.workspace()}\n\n{template('WORKSPACE.lines')}"),
    }
    workspace = next((name for name in _WORKSPACES if (result.folder / name).exists()), "")
    existing = [name for name in (_MODULE, workspace) if name and (result.folder / name).exists()]
    for name in existing:
        result.longer[name] = f"\n{lines[name]}"
    if existing:
        return True
    name = module_name(result.folder.absolute())
    result.new["WORKSPACE"] = template("WORKSPACE", name=name, workspace_pin=lines["WORKSPACE"])
    result.new["WORKSPACE.bzlmod"] = template("WORKSPACE.bzlmod")
    result.new[_MODULE] = template("MODULE.bazel", name=name, module_pin=lines[_MODULE])
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}; turnup init must read it") from None


def _add(result: Plan, name: str, text: str) -> None:
    """Creates a file, or appends the lines that it lacks."""
    path = result.folder / name
    if not path.exists():
        result.new[name] = text
        return
    have = set(_read(path).splitlines())
    lacking = [line for line in text.splitlines() if line not in have]
    if any(line and not line.startswith("#") for line in lacking):
        result.longer[name] = "\n" + "\n".join(lacking).strip("\n") + "\n"


def _create(result: Plan, name: str, text: str, refuse: str = "", left: str | None = None) -> None:
    """Creates a file; one that exists stays."""
    if not (result.folder / name).exists():
        result.new[name] = text
    elif refuse:
        raise UsageError(f"{result.folder / name} exists; {refuse}")
    else:
        result.left[name] = left or ""


def write(plan: Plan) -> None:
    """Writes everything, or nothing.

    Raises:
        TurnupError: a file cannot be written; what was written before is removed again.
    """
    made: list[Path] = []
    before = {name: (plan.folder / name).read_bytes() for name in plan.longer}
    try:
        for name, text in plan.new.items():
            path = plan.folder / name
            for parent in [*reversed(path.parents)]:
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
            path.chmod(0o755 if name in _PROGRAMS else 0o644)
        for name, text in plan.longer.items():
            _append(plan.folder / name, before[name], text)
    except BaseException as error:
        for name, content in before.items():
            with contextlib.suppress(OSError):
                (plan.folder / name).write_bytes(content)
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise TurnupError(f"{error.filename}: {error.strerror}; nothing was written") from None
        raise


def _append(path: Path, before: bytes, text: str) -> None:
    """Appends to a file in one step, so that an interrupted run leaves the old file or the new one."""
    end = b"" if before.endswith(b"\n") or not before else b"\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(before + end + text.encode())
    temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)
