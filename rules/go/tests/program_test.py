"""Tests of built Go programs."""

import os
import re
import subprocess
from pathlib import Path

HERE = Path(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "rules/go/tests")


def output(name):
    """Returns what a program prints."""
    return subprocess.run([HERE / name], capture_output=True, text=True, check=True).stdout


def test_generated_packages_are_linked():
    """A program imports two generated packages, one of which imports the other and a well-known type."""
    assert output("program") == "you 1 none\n"


def test_a_stamp_variable_reaches_the_program():
    """x_defs sets a variable to the value of Bazel's workspace status."""
    assert re.fullmatch(r"you 1 \d+\n", output("stamped"))


def test_programs_are_static():
    """The program names no dynamic linker and no path of the machine that built it."""
    data = (HERE / "program").read_bytes()

    assert b"/ld-linux" not in data
    assert b"go_build." not in data
