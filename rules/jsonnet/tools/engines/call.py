"""Parameters of one evaluation, the same for every engine, and the error of an engine that died."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Call:
    """Parameters of one evaluation.

    Attributes:
        src: path of the program, relative to the execution root or the runfiles.
        resolve: maps (folder of the importing file, import as written) to (path for stack traces, text of the file).
        max_stack: maximum number of stack frames.
        ext_vars: external variables that are strings.
        ext_codes: external variables that are code.
        tla_vars: top-level arguments that are strings.
        tla_codes: top-level arguments that are code.
        files: map of path for stack traces to text, for every file that `resolve` has returned.
        declared: map of workspace path to the path to read, for every file that may be imported.
        folders: workspace paths of the folders to search after the importing file's folder and the root of its repository.
        roots: roots of other repositories to search last -> the name by which imports name each.
        failed: takes the paths that an engine has read by itself, and folder and name of the import at which it failed, for
            the messages about the program; returns the path of a file that may have any bytes, if that was the failure.
    """

    src: str
    resolve: Callable[[str, str], tuple[str, str]]
    max_stack: int
    ext_vars: dict[str, str] = field(default_factory=dict)
    ext_codes: dict[str, str] = field(default_factory=dict)
    tla_vars: dict[str, str] = field(default_factory=dict)
    tla_codes: dict[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    failed: Callable[[Sequence[str], Sequence[str]], str] = lambda imported, missing: ""

    def codes(self) -> dict[str, str]:
        """Returns the code of external variables and top-level arguments, by its name in stack traces."""
        return {
            **{f"<extvar:{name}>": code for name, code in self.ext_codes.items()},
            **{f"<top-level-arg:{name}>": code for name, code in self.tla_codes.items()},
        }

    def texts(self) -> dict[str, str]:
        """Returns every text that a stack trace may mention, by its name there."""
        return {**self.files, **self.codes()}


class EngineDiedError(Exception):
    """The process of an engine died during an evaluation.

    Attributes:
        code: its exit code; the negative number of the signal that killed it.
    """

    def __init__(self, code: int) -> None:
        """Keeps the exit code."""
        super().__init__(f"the Jsonnet engine died (exit code {code})")
        self.code = code
