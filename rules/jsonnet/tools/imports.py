"""Resolves imports among the declared inputs of one rendering.

A program can import only declared inputs, with or without a sandbox, so a build never depends on a file that
Bazel does not track. Inputs are found by their workspace paths (engines/paths.py).
Each rendering reads the files again, so there is no cache that could be stale.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence

from rules.jsonnet.tools.engines.paths import apparent_name, is_repository_root, repository_root, workspace_path
from rules.jsonnet.tools.errors import RenderError

# Imports of code only: a file imported as text is not part of a cycle.
_IMPORT = re.compile(r"""\bimport\s*@?['"]([^'"\n]+)['"]""")


class Inputs:
    """The declared inputs of one rendering, as the engine's import callback.

    Attributes:
        declared: map of workspace path to the path to read, for every declared file.
        folders: workspace paths of the folders to search after the importing file's folder and the root of its repository.
        roots: roots of other repositories, `external/NAME`, to search last.
        failure: the error of the failed import, which the caller reports instead of
            the engine's message; None if no import failed.
        imported: paths of the imported files, in order of their first import.
        texts: map of path to text for the imported files.
    """

    def __init__(self, paths: Iterable[str], imports: Iterable[str], binary: bool = False) -> None:
        """Declares the files that a program may import.

        Args:
            paths: input files, relative to the execution root or the runfiles.
            imports: folders to search, relative to the execution root or the runfiles.
            binary: True if the engine accepts any bytes for `importbin`. Bytes that are not UTF-8 become lone surrogates in
                the text (surrogateescape).
        """
        self._binary = binary
        self.declared: dict[str, str] = {}
        for path in paths:
            # A source file is listed before a generated file with the same workspace path, and wins.
            self.declared.setdefault(workspace_path(path), path)
        searched = list(dict.fromkeys(map(workspace_path, imports)))
        self.folders = [folder for folder in searched if not is_repository_root(folder)]
        self.roots = [folder for folder in searched if is_repository_root(folder)]
        self._texts: dict[str, str] = {}
        self.failure: RenderError | None = None

    @property
    def imported(self) -> list[str]:
        """Paths of the imported files, in order of their first import."""
        return list(self._texts)

    @property
    def texts(self) -> dict[str, str]:
        """Map of path to text for the imported files."""
        return self._texts

    def __call__(self, folder: str, name: str) -> tuple[str, str]:
        """Resolves one import; engines call it.

        Args:
            folder: folder of the importing file; the working directory for code
                that is not in a file.
            name: the import as written.

        Returns:
            The path for stack traces, and the file's text.

        Raises:
            RenderError: no declared input has that name, or the file is not UTF-8 text.
        """
        try:
            return self._resolve(folder, name)
        except RenderError as error:
            self.failure = error
            raise

    def failed(self, imported: Iterable[str], missing: Sequence[str]) -> str:
        """Repeats the imports of an engine that resolves them by itself, after its program has failed.

        Args:
            imported: paths of the files that it has read, in order.
            missing: folder and name of the import that it could not resolve, as in `__call__`; empty if there is none.

        Returns:
            The path of a file that it must accept although it is not UTF-8, because `importbin` imports it; "" if there is none.
        """
        with contextlib.suppress(RenderError):  # `failure` keeps it
            for path in imported:
                self._read(path, lambda: True)
            if missing:
                return self(*missing)[0]
        return ""

    def _resolve(self, folder: str, name: str) -> tuple[str, str]:
        """Returns (path, text) of the import; see `__call__`."""
        if os.path.isabs(folder):
            folder = os.path.relpath(folder)
        for candidate in self._candidates(folder, name):
            path = self.declared.get(candidate)
            if path is not None:
                return path, self._read(path, lambda: self._find_import(folder, name, "importbin") is not None)
        raise RenderError(self._missing(folder, name))

    def _candidates(self, folder: str, name: str) -> list[str]:
        """Returns the workspace paths to try for an import, in order."""
        importing = workspace_path(folder)
        # A file of another repository sees its own repository's files before ours of the same path, and our files see ours.
        own = [repository_root(importing)] if importing.startswith("external/") else []
        paths = [posixpath.join(root, name) for root in (importing, *own, *self.folders, ".", *self.roots)]
        repository, _, rest = name.partition("/")
        paths += [posixpath.join(root, rest) for root in self.roots if rest and apparent_name(root) == repository]
        return list(map(workspace_path, paths))

    def _read(self, path: str, as_bytes: Callable[[], bool]) -> str:
        """Returns a file's text, which is read once per rendering."""
        if path not in self._texts:
            try:
                # Binary mode, because importstr must keep the file's line endings.
                with open(path, "rb", buffering=0) as file:
                    content = file.read()
            except OSError as error:
                raise RenderError(f"{path}: can't read it: {error.strerror}; check that the target builds it") from error
            self._texts[path] = self._decode(path, content, as_bytes)
        return self._texts[path]

    def _decode(self, path: str, content: bytes, as_bytes: Callable[[], bool]) -> str:
        """Returns a file's bytes as text."""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            advice = "save the file as UTF-8, or don't import it"
            if as_bytes():
                if self._binary:
                    return content.decode(errors="surrogateescape")
                advice = 'set engine = "gojsonnet", because rjsonnet\'s importbin accepts only UTF-8'
            raise RenderError(f"{path}: byte {error.start} is not UTF-8; {advice}") from error

    def _missing(self, folder: str, name: str) -> str:
        """Returns the message for an import that is not a declared input."""
        location = self._location(folder, name)
        if posixpath.isabs(name):
            return f"{location}: '{name}' is an absolute path; use the path from the workspace root"
        found = next((path for path in self._candidates(folder, name) if os.path.isfile(path)), None)
        if found:
            advice = f"{found} exists; add its jsonnet_library to deps, or the file to data"
        else:
            close = difflib.get_close_matches(name, [*self.declared, *map(posixpath.basename, self.declared)], n=1)
            advice = f"did you mean '{close[0]}'?" if close else "add the target that provides it to deps, or the file to data"
        return f"{location}: '{name}' is not among the target's declared inputs; {advice}"

    def cycle(self) -> list[str]:
        """Finds an import cycle, which may be the cause of an error.

        Returns:
            Paths, each of which imports the next and the last the first; empty if there is no cycle.
        """
        done: set[str] = set()

        def search(path: str, importers: list[str]) -> list[str]:
            if path in importers:
                return importers[importers.index(path) :]
            if path in done or path not in self._texts:
                return []
            done.add(path)
            names = [match[1] for match in _IMPORT.finditer(self._texts[path])]
            targets = [self._target(posixpath.dirname(path), name) for name in names]
            return next((found for target in targets if (found := search(target, [*importers, path]))), [])

        return next((found for path in self.imported if (found := search(path, []))), [])

    def _target(self, folder: str, name: str) -> str:
        """Returns the declared input that an import resolves to; "" if there is none."""
        return next((self.declared[found] for found in self._candidates(folder, name) if found in self.declared), "")

    def _location(self, folder: str, name: str) -> str:
        """Returns the location of an import, which the engine does not report."""
        if found := self._find_import(folder, name, "import(?:str|bin)?"):
            path, match = found
            before = match.string[: match.start()]
            return f"{path}:{before.count(chr(10)) + 1}:{match.start() - before.rfind(chr(10))}"
        return "code in an attribute"

    def _find_import(self, folder: str, name: str, keyword: str) -> tuple[str, re.Match[str]] | None:
        """Returns the first file of a folder that imports a name, and the match of the import; the keyword is a regular expression."""
        pattern = re.compile(rf"\b{keyword}\s*@?['\"]{re.escape(name)}['\"]")
        importing = posixpath.normpath(folder)
        for path, text in self._texts.items():
            match = pattern.search(text) if posixpath.normpath(posixpath.dirname(path)) == importing else None
            if match:
                return path, match
        return None
