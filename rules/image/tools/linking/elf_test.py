"""Tests of the reader of ELF files."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.linking import elf
from rules.image.tools.linking.testing import elf_files


def test_a_program_of_the_machine_is_read():
    """What is read of Python's own program is what readelf prints."""
    program = Path(sys.executable).resolve()
    read = elf.read(program.read_bytes(), "python")
    printed = subprocess.run(["readelf", "--dynamic", "--program-headers", program], capture_output=True, text=True, check=True).stdout

    assert read.needed
    assert read.needed == tuple(line.partition("[")[2].rstrip("]") for line in printed.splitlines() if "(NEEDED)" in line)
    assert f"interpreter: {read.interpreter}]" in printed
    assert read.dynamic and read.architecture in ("amd64", "arm64")


@pytest.mark.parametrize(("machine", "architecture"), [(62, "amd64"), (183, "arm64"), (243, "riscv64"), (22, "s390x")])
def test_every_field_is_read(machine, architecture):
    """The machine, the dynamic linker, the names and the paths come from the file, for any machine."""
    data = elf_files.make(machine=machine, interpreter="/lib/ld.so", soname="libx.so.1", needed=["liba.so", "libb.so"], rpath="/a", runpath="$ORIGIN")

    assert elf.read(data, "x") == elf.Elf(architecture, "/lib/ld.so", "libx.so.1", ("liba.so", "libb.so"), "/a", "$ORIGIN")


def test_a_static_program_needs_nothing():
    """A program without dynamic section is not dynamic."""
    assert not elf.read(elf_files.make(dynamic=False), "x").dynamic


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#!/bin/sh\n", "x is not a Linux program (it does not begin with the bytes of an ELF file). Build it for Linux; for a script use container_image."),
        (b"", "x is not a Linux program"),
        (b"\x7fELF\x02\x01\x01", "x is a damaged ELF file ("),
        (elf_files.make(machine=999), "x is for a machine that images have no name for (999). Build it for one of 386, "),
    ],
)
def test_other_files_are_one_sentence(data, message):
    """A script, an empty, a damaged file, and one for an unknown machine are each an error that says what to do."""
    with pytest.raises(InputError) as failed:
        elf.read(data, "x")

    assert message in str(failed.value)


@pytest.mark.parametrize("length", range(4, 400, 7))
def test_a_file_that_was_cut_short_is_never_a_traceback(length):
    """A file cut at any byte is read or refused."""
    data = elf_files.make(interpreter="/lib/ld.so", needed=["liba.so"], runpath="$ORIGIN")[:length]
    with contextlib.suppress(InputError):
        elf.read(data, "x")
