"""Makes small ELF files, for tests of what is read of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["make"]

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3  # p_type
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH, _STRSZ = 1, 5, 14, 15, 29, 10  # d_tag
_HEADER, _SEGMENT = 64, 56  # bytes


def make(
    *, machine: int = 62, interpreter: str = "", soname: str = "", needed: Sequence[str] = (), rpath: str = "", runpath: str = "", dynamic: bool = True
) -> bytes:
    """Returns a 64-bit little-endian ELF file without code.

    Args:
        machine: e_machine; 62 is x86-64, 183 is aarch64.
        interpreter: the dynamic linker; "" for none.
        soname: the library's name; "" for none.
        needed: sonames that it needs.
        rpath: DT_RPATH; "" for none.
        runpath: DT_RUNPATH; "" for none.
        dynamic: whether it has a dynamic section.
    """
    strings = bytearray(b"\0")
    entries: list[tuple[int, int]] = []

    def add(tag: int, text: str) -> None:
        entries.append((tag, len(strings)))
        strings.extend(text.encode() + b"\0")

    for name in needed:
        add(_NEEDED, name)
    for tag, text in ((_SONAME, soname), (_RPATH, rpath), (_RUNPATH, runpath)):
        if text:
            add(tag, text)
    count = 1 + bool(interpreter) + dynamic
    at_strings = _HEADER + count * _SEGMENT
    at_interpreter = at_strings + len(strings)
    at_dynamic = at_interpreter + len(interpreter) + 1
    table = b"".join(struct.pack("<QQ", *entry) for entry in [*entries, (_STRTAB, at_strings), (_STRSZ, len(strings)), (0, 0)])
    size = at_dynamic + len(table)
    segments = [(_LOAD, 0, size)]
    if interpreter:
        segments.append((_INTERP, at_interpreter, len(interpreter) + 1))
    if dynamic:
        segments.append((_DYNAMIC, at_dynamic, len(table)))
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, machine, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, count, 64, 0, 0)
    headers = b"".join(struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, length, length, 8) for kind, offset, length in segments)
    return head + headers + bytes(strings) + interpreter.encode() + b"\0" + table
