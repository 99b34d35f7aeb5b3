"""What every engine is called with."""

from __future__ import annotations

from collections.abc import Callable
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
    """

    src: str
    resolve: Callable[[str, str], tuple[str, str]]
    max_stack: int
    ext_vars: dict[str, str] = field(default_factory=dict)
    ext_codes: dict[str, str] = field(default_factory=dict)
    tla_vars: dict[str, str] = field(default_factory=dict)
    tla_codes: dict[str, str] = field(default_factory=dict)
