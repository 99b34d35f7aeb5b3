"""Loads .bzl files outside Bazel: runs them as Python with stand-ins for rules, attributes and providers.

Starlark's syntax is Python's, so running a file resolves everything that Bazel would resolve while loading it: shared
dictionaries of attributes, helpers and comprehensions. Rule implementations and macros are defined but never called.
"""

import ast
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

# What an attribute of each type is when a BUILD file leaves it out.
_DEFAULTS: dict[str, object] = {
    "bool": False,
    "int": 0,
    "label_keyed_string_dict": {},
    "label_list": [],
    "output_list": [],
    "string": "",
    "string_dict": {},
    "string_list": [],
    "string_list_dict": {},
}


class DocumentationError(Exception):
    """What is wrong with a .bzl file, as one sentence that starts with the place."""


@dataclass(frozen=True)
class Place:
    """A line of a file, relative to the workspace."""

    file: str
    line: int

    def __str__(self) -> str:
        """Returns `file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Attribute:
    """An attribute of a rule, as `attr.TYPE(…)` declares it."""

    type: str
    doc: str
    default: object
    mandatory: bool
    place: Place


@dataclass(frozen=True)
class Rule:
    """A rule or repository rule."""

    doc: str
    attributes: Mapping[str, Attribute]
    place: Place
    repository: bool = False


@dataclass(frozen=True)
class Provider:
    """A provider and what each of its fields holds."""

    doc: str
    fields: Mapping[str, str]
    place: Place

    def __call__(self, **fields: object) -> SimpleNamespace:
        """Makes an instance, as a file does for a constant that it shares."""
        return SimpleNamespace(**fields)


@dataclass(frozen=True)
class Module:
    """A .bzl file that was run: its names and its syntax tree."""

    path: str
    names: Mapping[str, Any]
    tree: ast.Module
    lines: list[str] = field(repr=False, default_factory=list)


class _Anything:
    """Stands for whatever else Bazel offers: every name, call and operator gives it back."""

    def __getattr__(self, name: str) -> "_Anything":
        return self

    def __call__(self, *positional: object, **named: object) -> "_Anything":
        return self

    def __getitem__(self, key: object) -> "_Anything":
        return self


class _Attr:
    """Stands for Bazel's `attr`: each call is an Attribute."""

    def __getattr__(self, kind: str) -> Callable[..., Attribute]:
        def declare(doc: str = "", default: object = None, mandatory: bool = False, **_: object) -> Attribute:
            if default is None:
                default = _DEFAULTS.get(kind)
            return Attribute(kind, doc, default, mandatory, _caller())

        return declare


def _caller() -> Place:
    """Returns the line of the .bzl file that called the stand-in."""
    frame = sys._getframe(2)  # noqa: SLF001  # inspect would read source files for each frame
    return Place(frame.f_code.co_filename, frame.f_lineno)


def _rule(doc: str = "", attrs: Mapping[str, Attribute] | None = None, **_: object) -> Rule:
    return Rule(doc, dict(attrs or {}), _caller())


def _repository_rule(doc: str = "", attrs: Mapping[str, Attribute] | None = None, **_: object) -> Rule:
    return Rule(doc, dict(attrs or {}), _caller(), repository=True)


def _provider(doc: str = "", fields: Mapping[str, str] | Iterable[str] = (), **_: object) -> Provider:
    described = dict(fields) if isinstance(fields, Mapping) else dict.fromkeys(fields, "")
    return Provider(doc, described, _caller())


class Loader:
    """Runs .bzl files of some packages of one workspace, each once."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        """Names what to follow.

        Args:
            root: the workspace's folder.
            packages: packages whose files, and those of packages below them, are run. A load from anywhere else gives
                stand-ins.
        """
        self._root = root
        self._packages = tuple(packages)
        self._modules: dict[str, Module] = {}

    def load(self, path: str) -> Module:
        """Runs a file, and what it loads.

        Args:
            path: the file, relative to the workspace.

        Returns:
            The file's names and syntax tree.

        Raises:
            DocumentationError: the file is missing or cannot be run.
        """
        if path not in self._modules:
            self._modules[path] = self._run(path)
        return self._modules[path]

    def modules(self) -> list[Module]:
        """Returns every module that was run so far."""
        return list(self._modules.values())

    def module_of(self, code: CodeType) -> Module:
        """Returns the module that defines a function.

        Args:
            code: the function's code object.
        """
        return self._modules[code.co_filename]

    def _run(self, path: str) -> Module:
        """Runs one file that was not loaded before."""
        try:
            text = (self._root / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise DocumentationError(f"{path}: the file does not exist. Correct the load() that names it, or the list of pages.") from None
        anything = _Anything()
        names: dict[str, Any] = {
            **dict.fromkeys(("CcInfo", "DefaultInfo", "JavaInfo", "ProtoInfo", "PyInfo"), anything),
            **dict.fromkeys(("aspect", "config", "depset", "json", "native", "platform_common", "select"), anything),
            "Label": str,
            "attr": _Attr(),
            "load": lambda label, *same, **renamed: self._load_into(names, path, label, {**dict(zip(same, same, strict=True)), **renamed}),
            "provider": _provider,
            "repository_rule": _repository_rule,
            "rule": _rule,
            "struct": SimpleNamespace,
        }
        tree = ast.parse(text, path)
        try:
            exec(compile(tree, path, "exec"), names)  # noqa: S102  # a file of this workspace
        except DocumentationError:
            raise
        except Exception as error:
            raise DocumentationError(f"{path}: cannot be run as Python: {error!r}. Add what it uses to the stand-ins in docs/tools/starlark.py.") from error
        return Module(path, names, tree, text.splitlines())

    def _load_into(self, names: dict[str, Any], path: str, label: str, wanted: Mapping[str, str]) -> None:
        """Does what load() does in a file: binds each wanted name."""
        package, _, file = label.partition(":")
        package = package.removeprefix("//") if package else path.rpartition("/")[0]
        ours = not label.startswith("@") and any(f"{package}/".startswith(f"{known}/") for known in self._packages)
        found = self.load(f"{package}/{file}").names if ours else {}
        for mine, theirs in wanted.items():
            if ours and theirs not in found:
                raise DocumentationError(f"{path}: {label} has no {theirs}. Correct the load().")
            names[mine] = found[theirs] if ours else _Anything()
