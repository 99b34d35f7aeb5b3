"""The repository as git sees it, for tests that read all of it and not only declared inputs.

Bazel cannot name every file of every package as an input, so these tests follow the link from their runfiles to the
workspace. They are tagged `external`, so that their results are never cached.
"""

import subprocess
from functools import cache
from pathlib import Path

# WORKSPACE is in every such test's runfiles, as a link to the real file.
ROOT = Path("WORKSPACE").resolve().parent
# Generated files, which no convention applies to.
GENERATED = ("go.sum", "requirements.lock")


@cache
def files() -> tuple[Path, ...]:
    """Returns every file that git tracks or would track, relative to the root; ignored files are left out."""
    words = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(Path(name) for name in names if name and (ROOT / name).is_file())


def with_suffix(*suffixes: str) -> list[Path]:
    """Returns the tracked files with one of the suffixes."""
    return [path for path in files() if path.suffix in suffixes]


def text(path: Path) -> str:
    """Returns a tracked file's text; "" if it is not UTF-8."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
