"""Unpacks a wheel into a folder for sys.path, byte-compiled to the same bytes everywhere.

Follows the binary distribution format (PyPA specifications, "Installing a wheel"), less scripts and headers, which
nothing here runs. Entries that would leave the folder are refused.
"""

import compileall
import contextlib
import io
import py_compile
import sys
import zipfile
from pathlib import Path, PurePosixPath


class WheelError(Exception):
    """The wheel cannot be unpacked; the text is one sentence for the user."""


def target_path(name: str) -> PurePosixPath | None:
    """Returns where an entry of a wheel goes below site-packages.

    Args:
        name: the entry's name in the archive.

    Returns:
        the relative path, or None for an entry that is not installed (scripts, headers, data).

    Raises:
        WheelError: the name is absolute or leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise WheelError(f"entry {name!r} points outside the wheel: do not use this file")
    if len(path.parts) > 1 and path.parts[0].endswith(".data"):
        return PurePosixPath(*path.parts[2:]) if path.parts[1] in ("purelib", "platlib") and len(path.parts) > 2 else None
    return path


def unpack(wheel: Path, site: Path) -> None:
    """Unpacks wheel into site and writes hash-based .pyc files, which carry no time stamp.

    Raises:
        WheelError: the archive is damaged or an entry points outside.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                path = target_path(entry.filename)
                if path is None or entry.is_dir():
                    continue
                destination = site / path
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.write_bytes(archive.read(entry))
                destination.chmod(0o755 if (entry.external_attr >> 16) & 0o111 else 0o644)
    except zipfile.BadZipFile as error:
        raise WheelError(f"not a readable archive ({error}): fetch it again with bazel sync --only={wheel.parent.name}") from None
    # Some wheels carry sources for other Python versions, which do not compile here and are never imported.
    with contextlib.redirect_stdout(io.StringIO()):
        compileall.compile_dir(site, quiet=2, force=True, stripdir=str(site), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def main(argv: list[str]) -> int:
    """Unpacks argv[0] (a wheel) into argv[1] (a folder); returns 0, or 1 after one sentence on stderr."""
    wheel, site = Path(argv[0]), Path(argv[1])
    try:
        unpack(wheel, site)
    except (WheelError, OSError) as error:
        print(f"ERROR: {wheel.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
