"""Writes the archive of a release, with the same bytes on every machine, and the lines that pin it."""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from isal import isal_zlib

from cli.init import pin

# 1980-01-01, the earliest time that a zip file can have; tar warns about 1970.
TIME = 315532800
# RFC 1952: no name, no time, unknown system.
_GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF))
_LEVEL = 3
# What follows in WORKSPACE is not for those who unpack a release: it loads files that a release does not hold.
_OWN = b"\n# What follows is for the samples, tests and benchmarks of this repository alone.\n"
_UNKNOWN_URL = "https://example.com/turnup-{version}.tar.gz"
_UNKNOWN = "# Replace the URL by the place where you publish the archive, or build with --//release:url=URL.\n"


def pack(files: Mapping[str, bytes], prefix: str) -> bytes:
    """Returns a tar.gz file.

    Args:
        files: path -> content.
        prefix: the folder in the archive.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(f"{prefix}/{path}")
            member.size, member.mtime = len(files[path]), TIME
            # From the content, because remote caches lose the mode.
            member.mode = 0o755 if files[path].startswith(b"#!") else 0o644
            archive.addfile(member, io.BytesIO(files[path]))
    return compress(out.getvalue())


def without_own_part(workspace: bytes) -> bytes:
    """Returns WORKSPACE without what only Turnup's own samples, tests and benchmarks need.

    Raises:
        SystemExit: the comment before that part is missing.
    """
    kept, found, _ = workspace.partition(_OWN)
    if not found:
        raise SystemExit(f"WORKSPACE has no line {_OWN.decode().strip()!r}; write it before what other repositories do not need")
    return kept


def compress(content: bytes) -> bytes:
    """Returns content in the gzip format. zlib is no choice: its bytes depend on the Python that is installed."""
    deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    return _GZIP_HEADER + body + isal_zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")


def pin_lines(version: str, sha256: str, url: str) -> str:
    """Returns the lines of WORKSPACE and those of MODULE.bazel that pin a release.

    Args:
        version: Turnup's version.
        sha256: of the archive.
        url: where the archive is; empty if that is not known.
    """
    pinned = pin.Pin(url or _UNKNOWN_URL.format(version=version), sha256, f"turnup-{version}")
    note = "" if url else _UNKNOWN
    return f"{note}# WORKSPACE\n{pinned.workspace()}\n\n# MODULE.bazel\n{pinned.module(version)}\n"


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="archive", description=__doc__, fromfile_prefix_chars="@")
    parser.add_argument("--version", required=True, help="Turnup's version")
    parser.add_argument("--url", required=True, help="where the archive will be; empty: not known")
    parser.add_argument("--archive", type=Path, required=True, help="the archive to write")
    parser.add_argument("--lines", type=Path, required=True, help="the file to write the lines to")
    parser.add_argument("files", nargs="+", metavar="PATH=FILE", help="the path in the archive, and the file")
    return parser


def main(argv: Sequence[str] = ()) -> int:
    """Writes both files, and prints the lines, which Bazel shows.

    Args:
        argv: the arguments; empty: those of the process.
    """
    arguments = build_parser().parse_args(argv or sys.argv[1:])
    files = {path: Path(file).read_bytes() for path, file in (word.split("=", 1) for word in arguments.files)}
    files["WORKSPACE"] = without_own_part(files["WORKSPACE"])
    content = pack(files, f"turnup-{arguments.version}")
    arguments.archive.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    lines = pin_lines(arguments.version, sha256, arguments.url)
    arguments.lines.write_text(lines, encoding="utf-8")
    print(f"{arguments.archive.name}: {len(files)} files, {len(content)} bytes, sha256 {sha256}\n{lines}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
