"""Runs a Go test program for Bazel: in the package's folder, with --test_filter, and with a JUnit XML that has each test case.

test_main PROGRAM FOLDER [ARGUMENT]…

The program's output is Go's own (-test.v); a line `--- PASS: NAME (SECONDS)` ends each test case.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO
from xml.etree import ElementTree

__all__ = ["Case", "main", "parse", "write_xml"]

_END = re.compile(r"\s*--- (PASS|FAIL|SKIP): (\S+) \((\d+\.\d+)s\)$")
_START = re.compile(r"=== (RUN|CONT|PAUSE|NAME) +(\S+)$")
# Characters that XML 1.0 does not have.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """The result of one test case.

    Attributes:
        name: its name, such as TestRoute/empty.
        result: PASS, FAIL or SKIP.
        seconds: how long it took.
        output: what it printed.
    """

    name: str
    result: str
    seconds: str
    output: str


def parse(lines: Sequence[str]) -> list[Case]:
    """Returns the test cases in the output of a Go test program, in the order in which they end.

    A case that started and did not end, because the program crashed, has failed.
    """
    output: dict[str, list[str]] = {}
    done: dict[str, Case] = {}
    now = ""
    for line in lines:
        if start := _START.match(line):
            now = start[2]
            output.setdefault(now, [])
        elif end := _END.match(line):
            now = end[2]
            done[now] = Case(now, end[1], end[3], "")
        elif now:
            output.setdefault(now, []).append(line)
    for name in output:
        done.setdefault(name, Case(name, "FAIL", "0.0", ""))
    return [case._replace(output="\n".join(output.get(name, []))) for name, case in done.items()]


def write_xml(cases: Sequence[Case], suite: str, file: Path) -> None:
    """Writes test cases as JUnit XML.

    Args:
        cases: the test cases.
        suite: the target's name.
        file: the file to write.
    """
    count = {result: str(sum(case.result == result for case in cases)) for result in ("FAIL", "SKIP")}
    top = ElementTree.Element("testsuites")
    element = ElementTree.SubElement(top, "testsuite", name=suite, tests=str(len(cases)), failures=count["FAIL"], skipped=count["SKIP"])
    for case in cases:
        row = ElementTree.SubElement(element, "testcase", classname=suite, name=case.name, time=case.seconds)
        if case.result == "FAIL":
            ElementTree.SubElement(row, "failure", message="failed").text = _NOT_XML.sub("?", case.output)
        elif case.result == "SKIP":
            ElementTree.SubElement(row, "skipped")
    ElementTree.ElementTree(top).write(file, "utf-8", xml_declaration=True)


def main(argv: Sequence[str], env: Mapping[str, str] = os.environ, out: TextIO | None = None) -> int:
    """Runs the test program and returns its exit code; 1 if it has no test case."""
    out = out or sys.stdout
    program, folder, *arguments = argv
    if pattern := env.get("TESTBRIDGE_TEST_ONLY"):
        arguments.append(f"-test.run={pattern}")
    lines: list[str] = []
    with subprocess.Popen(
        [os.path.abspath(program), "-test.v", *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        # Bazel sends SIGTERM before a test's time is up; Go then prints nothing, but the XML still gets the finished cases.
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        for line in child.stdout or ():
            out.write(line)
            out.flush()
            lines.append(line.rstrip("\n"))
    cases = parse(lines)
    if file := env.get("XML_OUTPUT_FILE"):
        write_xml(cases, env.get("TEST_TARGET", "go_test"), Path(file))
    if not cases:
        print("ERROR: no test case ran. Add a function TestNAME(*testing.T), or correct --test_filter.", file=sys.stderr)
        return 1
    return child.returncode if child.returncode >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
