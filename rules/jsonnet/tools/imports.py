"""Finds what an import means among the declared inputs of one rendering.

Sources and generated files form one tree of *workspace paths*:
`bazel-out/<configuration>/bin/svc/service.json` is imported as
`svc/service.json`, and `../repository/a.libsonnet` of a runfiles folder as
`external/repository/a.libsonnet`. Only declared inputs can be imported, whether
or not the action runs in a sandbox, so that a build never depends on a file
that Bazel does not watch. Files are read anew for every rendering: there is no
cache that could be stale.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
from collections.abc import Callable, Iterable

from rules.jsonnet.tools.errors import RenderError

# Code only: a file imported as text is no step of a circle.
_IMPORT = re.compile(r"""\bimport\s*@?['"]([^'"\n]+)['"]""")
_OUTPUT_ROOT = re.compile(r"^bazel-out/[^/]+/(?:bin|genfiles)/")


def workspace_path(path: str) -> str:
    """Turns an execution or runfiles path into a workspace path.

    Args:
        path: Relative path with `/`.

    Returns:
        The same file's path as a BUILD author would write it.
    """
    path = _OUTPUT_ROOT.sub("", posixpath.normpath(path))
    return "external/" + path[3:] if path.startswith("../") else path


class Inputs:
    """The declared inputs of one rendering, as the engine's import callback.

    Attributes:
        failure: The error of the import that failed, for the caller to report
            in place of the engine's own text; None while all imports succeed.
        imported: Paths of the files that were read, in order of their first import.
        texts: Their texts by path.
    """

    def __init__(self, paths: Iterable[str], imports: Iterable[str], binary: bool = False) -> None:
        """Declares what may be imported.

        Args:
            paths: Input files, as execution or runfiles paths.
            imports: Folders to search, as execution or runfiles paths.
            binary: The engine takes bytes for `importbin`; they are in the text as lone surrogates (surrogateescape).
        """
        self._binary = binary
        self._paths: dict[str, str] = {}
        for path in paths:
            # A source is listed before a generated twin of the same name.
            self._paths.setdefault(workspace_path(path), path)
        self._imports = list(dict.fromkeys(map(workspace_path, imports)))
        self._texts: dict[str, str] = {}
        self.failure: RenderError | None = None

    @property
    def imported(self) -> list[str]:
        return list(self._texts)

    @property
    def texts(self) -> dict[str, str]:
        return self._texts

    def __call__(self, folder: str, name: str) -> tuple[str, str]:
        """Resolves one import; the signature is the engine's.

        Args:
            folder: Folder of the importing file; the working directory for code
                that stands in no file.
            name: The import as written.

        Returns:
            The path that stands in stack traces, and the file's text.

        Raises:
            RenderError: Nothing declared has that name, or it is no UTF-8 text.
        """
        try:
            return self._resolve(folder, name)
        except RenderError as error:
            self.failure = error
            raise

    def _resolve(self, folder: str, name: str) -> tuple[str, str]:
        """Returns (path, text) of the import; see `__call__`."""
        if os.path.isabs(folder):
            folder = os.path.relpath(folder)
        for candidate in self._candidates(folder, name):
            path = self._paths.get(candidate)
            if path is not None:
                return path, self._read(path, lambda: self._written(folder, name, "importbin") is not None)
        raise RenderError(self._missing(folder, name))

    def _candidates(self, folder: str, name: str) -> list[str]:
        """Returns the workspace paths that the import may mean, the best first."""
        roots = [workspace_path(folder), *self._imports, "."]
        return [workspace_path(posixpath.join(root, name)) for root in roots]

    def _read(self, path: str, as_bytes: Callable[[], bool]) -> str:
        """Returns a file's text, read once a rendering."""
        if path not in self._texts:
            try:
                # Binary, because importstr promises the file's own line ends.
                with open(path, "rb", buffering=0) as file:
                    content = file.read()
            except OSError as error:
                raise RenderError(f"cannot read {path}: {error.strerror}; check that the target builds it") from error
            self._texts[path] = self._decode(path, content, as_bytes)
        return self._texts[path]

    def _decode(self, path: str, content: bytes, as_bytes: Callable[[], bool]) -> str:
        """Returns a file's bytes as text."""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            cure = "save it as UTF-8, or do not import it"
            if as_bytes():
                if self._binary:
                    return content.decode(errors="surrogateescape")
                cure = 'rjsonnet reads no other bytes with importbin, engine = "gojsonnet" does'
            raise RenderError(f"{path} is no UTF-8 text (byte {error.start}); {cure}") from error

    def _missing(self, folder: str, name: str) -> str:
        """Returns the sentence for an import that nothing declares."""
        place = self._place(folder, name)
        if posixpath.isabs(name):
            return f"{place}: '{name}' is an absolute path; import the file by its path from the workspace root"
        found = next((path for path in self._candidates(folder, name) if os.path.isfile(path)), None)
        if found:
            cure = f"{found} exists but is no input; add its jsonnet_library to deps, or the file to data"
        else:
            close = difflib.get_close_matches(name, [*self._paths, *map(posixpath.basename, self._paths)], n=1)
            cure = f"did you mean '{close[0]}'?" if close else "add what provides it to deps, or the file to data"
        return f"{place}: '{name}' is not among the target's declared inputs; {cure}"

    def cycle(self) -> list[str]:
        """Finds files that import each other, for an error that may come of it.

        Returns:
            Paths, each importing the next one and the last the first; empty if there is no such circle.
        """
        done: set[str] = set()

        def search(path: str, way: list[str]) -> list[str]:
            if path in way:
                return way[way.index(path) :]
            if path in done or path not in self._texts:
                return []
            done.add(path)
            names = [match[1] for match in _IMPORT.finditer(self._texts[path])]
            targets = [self._target(posixpath.dirname(path), name) for name in names]
            return next((found for target in targets if (found := search(target, [*way, path]))), [])

        return next((found for path in self.imported if (found := search(path, []))), [])

    def _target(self, folder: str, name: str) -> str:
        """Returns the declared path that an import means, or nothing."""
        return next((self._paths[found] for found in self._candidates(folder, name) if found in self._paths), "")

    def _place(self, folder: str, name: str) -> str:
        """Returns where the import is written, which the engine does not tell."""
        if found := self._written(folder, name, "import(?:str|bin)?"):
            path, match = found
            before = match.string[: match.start()]
            return f"{path}:{before.count(chr(10)) + 1}:{match.start() - before.rfind(chr(10))}"
        return "code given by an attribute"

    def _written(self, folder: str, name: str, words: str) -> tuple[str, re.Match[str]] | None:
        """Returns the first file of a folder that imports a name with one of the words, and where."""
        pattern = re.compile(rf"\b{words}\s*@?['\"]{re.escape(name)}['\"]")
        home = posixpath.normpath(folder)
        for path, text in self._texts.items():
            match = pattern.search(text) if posixpath.normpath(posixpath.dirname(path)) == home else None
            if match:
                return path, match
        return None
