"""Reads what the dynamic linker reads of an ELF file: for which machine it is, and which libraries it needs (ELF, elf(5)).

Nothing of the file runs, unlike with ldd, so that programs of any origin and for any machine can be read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from elftools.elf.elffile import ELFFile

from rules.image.tools.errors import InputError

__all__ = ["ARCHITECTURES", "MAGIC", "Elf", "read"]

MAGIC = b"\x7fELF"
# The machine in an ELF header → the architecture as OCI names it.
ARCHITECTURES: Mapping[str, str] = MappingProxyType(
    {
        "EM_386": "386",
        "EM_AARCH64": "arm64",
        "EM_ARM": "arm",
        "EM_LOONGARCH": "loong64",
        "EM_MIPS": "mips64le",
        "EM_PPC64": "ppc64le",
        "EM_RISCV": "riscv64",
        "EM_S390": "s390x",
        "EM_X86_64": "amd64",
    }
)


class Elf(NamedTuple):
    """An ELF file.

    Attributes:
        architecture: the architecture as OCI names it.
        interpreter: the path of the dynamic linker; "" if the file names none, as libraries and static programs do.
        soname: the name by which others need this library; "" if it has none.
        needed: the sonames that it needs, in order.
        rpath: DT_RPATH; "" if it has none.
        runpath: DT_RUNPATH; "" if it has none.
    """

    architecture: str
    interpreter: str
    soname: str
    needed: tuple[str, ...]
    rpath: str
    runpath: str

    @property
    def dynamic(self) -> bool:
        """Whether the file needs the dynamic linker or a library."""
        return bool(self.interpreter or self.needed)


def read(data: bytes, where: str) -> Elf:
    """Reads an ELF file.

    Args:
        data: the file.
        where: the file to name in errors.

    Raises:
        InputError: it is damaged, or not an ELF file, or for an unknown machine.
    """
    if not data.startswith(MAGIC):
        raise InputError(
            f"{where} is not a Linux program (it does not begin with the bytes of an ELF file). Build it for Linux; for a script use container_image."
        )
    try:
        file: Any = ELFFile(io.BytesIO(data))
        machine = file["e_machine"]
        interpreter = next((segment.get_interp_name() for segment in file.iter_segments() if segment["p_type"] == "PT_INTERP"), "")
        tags: dict[str, list[str]] = {"DT_NEEDED": [], "DT_SONAME": [], "DT_RPATH": [], "DT_RUNPATH": []}
        for segment in file.iter_segments():
            if segment["p_type"] != "PT_DYNAMIC":
                continue
            for tag in segment.iter_tags():
                if tag.entry.d_tag in tags:
                    tags[tag.entry.d_tag].append(getattr(tag, tag.entry.d_tag[len("DT_") :].lower()))
    except Exception as error:  # noqa: BLE001  # the parsers inside pyelftools raise errors of any kind, without a common base
        raise InputError(f"{where} is a damaged ELF file ({type(error).__name__}). Build it again.") from None
    if machine not in ARCHITECTURES:
        raise InputError(f"{where} is for a machine that images have no name for ({machine}). Build it for one of {', '.join(sorted(ARCHITECTURES.values()))}.")
    return Elf(
        ARCHITECTURES[machine],
        interpreter,
        "".join(tags["DT_SONAME"]),
        tuple(tags["DT_NEEDED"]),
        ":".join(tags["DT_RPATH"]),
        ":".join(tags["DT_RUNPATH"]),
    )
