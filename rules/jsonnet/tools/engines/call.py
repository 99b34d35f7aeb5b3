"""What every engine is called with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Call:
    """One evaluation, in the terms that all engines share.

    Attributes:
        src: The program, as an execution or runfiles path.
        resolve: Maps (folder of the importer, the import as written) to the path for stack traces and the file's text.
        max_stack: How many frames the engine allows.
        ext_vars: External variables that are strings.
        ext_codes: External variables that are code.
        tla_vars: Top-level arguments that are strings.
        tla_codes: Top-level arguments that are code.
        files: Path for stack traces -> text of every file that `resolve` has returned so far.
    """

    src: str
    resolve: Callable[[str, str], tuple[str, str]]
    max_stack: int
    ext_vars: dict[str, str] = field(default_factory=dict)
    ext_codes: dict[str, str] = field(default_factory=dict)
    tla_vars: dict[str, str] = field(default_factory=dict)
    tla_codes: dict[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def codes(self) -> dict[str, str]:
        """Returns the code of variables and arguments, by the name that it has in stacks."""
        return {
            **{f"<extvar:{name}>": code for name, code in self.ext_codes.items()},
            **{f"<top-level-arg:{name}>": code for name, code in self.tla_codes.items()},
        }

    def texts(self) -> dict[str, str]:
        """Returns every text that a stack may lead to, by its name there."""
        return {**self.files, **self.codes()}
