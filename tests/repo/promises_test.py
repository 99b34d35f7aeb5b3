"""Tests of docs/promises.md and docs/security.md: every promise is listed, and every test that they name is a test target."""

import ast
import re

import pytest

from tests.repo import tree

PAGE = tree.text(tree.Path("docs/promises.md"))
SECURITY = tree.text(tree.Path("docs/security.md"))
LABELS = sorted(set(re.findall(r"`(//[\w/]+:\w+_test)`", PAGE + SECURITY)))
SECURITY_ROWS = dict(re.findall(r"^\| \*\*(S\d+)\*\* (.*) \|$", SECURITY, re.MULTILINE))
ROWS = dict(re.findall(r"^\| \*\*(P\d+)\*\* (.*) \|$", PAGE, re.MULTILINE))


def targets_of(package):
    """Returns the names of the test targets in a BUILD file, including those that a list comprehension declares."""
    folder = tree.Path(package)
    # Starlark's syntax is Python's.
    build = ast.parse(tree.text(folder / "BUILD"))
    names = {node.value for node in ast.walk(build) if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+_test", node.value)}
    for node in ast.walk(build):
        # [pytest_test(name = test[:-len(".py")], …) for test in glob(["*_test.py"])]
        # python_program declares a test for each file, too.
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called == "python_program" or (called == "glob" and "*_test.py" in ast.unparse(node)):
            names |= {path.stem for path in tree.files() if path.parent == folder and path.name.endswith("_test.py")}
        if isinstance(node, ast.ListComp):
            # [pytest_test(name = "apply_%s_test" % name, …) for name in ["kill", …]]
            for pattern in re.findall(r"name='(\w*%s_test)' % \w+", ast.unparse(node)):
                names |= {pattern % word for word in ast.literal_eval(node.generators[0].iter)}
    return names


def test_every_promise_is_there():
    """The twelve promises are in order, and each has a test."""
    assert list(ROWS) == [f"P{number}" for number in range(1, 13)]
    assert [name for name, row in ROWS.items() if not re.search(r"`//[\w/]+:\w+_test`", row)] == []


def test_every_promise_of_security_is_there():
    """The promises of security are numbered without a gap, and each has a test."""
    assert SECURITY_ROWS and list(SECURITY_ROWS) == [f"S{number}" for number in range(1, len(SECURITY_ROWS) + 1)]
    assert [name for name, row in SECURITY_ROWS.items() if not re.search(r"`//[\w/]+:\w+_test`", row)] == []


@pytest.mark.parametrize("label", LABELS)
def test_label_is_a_test(label):
    """Each test that the page names is a target in its package's BUILD file."""
    package, _, name = label.removeprefix("//").partition(":")

    assert name in targets_of(package)


def test_long_forms_are_in_the_page():
    """Every long form of a promise has a row with its result."""
    rows = re.findall(r"^\| `//tests/long:(apply_\w+)` \|", PAGE, re.MULTILINE)

    assert set(rows) == {name for name in targets_of("tests/long") if name.startswith("apply_")}
