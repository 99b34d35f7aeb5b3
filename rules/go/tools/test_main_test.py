"""Tests of the program that runs Go tests for Bazel."""

import sys
from io import StringIO
from xml.etree import ElementTree

import pytest

from rules.go.tools import test_main

OUTPUT = """=== RUN   TestOne
--- PASS: TestOne (0.01s)
=== RUN   TestTwo
=== RUN   TestTwo/part
    two_test.go:3: wrong <value>
--- FAIL: TestTwo (0.02s)
    --- FAIL: TestTwo/part (0.01s)
=== RUN   TestThree
    three_test.go:3: not here
--- SKIP: TestThree (0.00s)
=== RUN   TestFour
panic: broken
"""


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs a program which prints a text, and returns exit code, output, arguments and the XML."""

    def start(text, code=0, **env):
        program = tmp_path / "program"
        body = f"open('arguments', 'w').write(' '.join(sys.argv[1:]))\nsys.stdout.write({text!r})\nsys.exit({code})\n"
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}")
        program.chmod(0o755)
        folder = tmp_path / "folder"
        folder.mkdir()
        out = StringIO()
        xml = tmp_path / "test.xml"
        status = test_main.main([str(program), str(folder), "-test.short"], {"XML_OUTPUT_FILE": str(xml), "TEST_TARGET": "//a:b", **env}, out)
        return status, out.getvalue(), (folder / "arguments").read_text(), ElementTree.parse(xml).getroot()

    return start


def test_the_xml_has_each_case(run):
    """Passed, failed and skipped cases are in the XML with their output; one that never ended has failed."""
    code, out, _, xml = run(OUTPUT, 2)

    assert (code, out) == (2, OUTPUT)
    found = {case.get("name"): [child.tag for child in case] for case in xml.iter("testcase")}
    assert found == {"TestOne": [], "TestTwo": ["failure"], "TestTwo/part": ["failure"], "TestThree": ["skipped"], "TestFour": ["failure"]}
    assert xml.find(".//testcase[@name='TestTwo/part']/failure").text == "    two_test.go:3: wrong <value>"
    assert xml.find(".//testcase[@name='TestFour']/failure").text == "panic: broken"
    assert xml.find("testsuite").attrib == {"name": "//a:b", "tests": "5", "failures": "3", "skipped": "1"}


def test_the_program_runs_in_the_packages_folder_with_the_filter(run):
    """Arguments and --test_filter reach the program, which runs in the given folder."""
    _, _, arguments, _ = run(OUTPUT, TESTBRIDGE_TEST_ONLY="TestOne|TestTwo")

    assert arguments == "-test.v -test.short -test.run=TestOne|TestTwo"


def test_no_case_is_a_failure(run, capsys):
    """A package or a filter without a test case fails, although Go itself says that all passed."""
    code, *_ = run("testing: warning: no tests to run\nPASS\n")

    assert code == 1
    assert "ERROR: no test case ran. Add a function TestNAME(*testing.T), or correct --test_filter." in capsys.readouterr().err


def test_characters_that_xml_lacks_are_replaced(run):
    """Output with control characters still gives XML that can be read."""
    _, _, _, xml = run("=== RUN   TestOne\n\x00\x1b[31mred\n--- FAIL: TestOne (0.00s)\n", 1)

    assert xml.find(".//failure").text == "??[31mred"
