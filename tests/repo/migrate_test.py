"""Tests of docs/migrate.md: every attribute that it promises is one of the rule, and its load lines load."""

import ast
import re

import pytest

from docs.tools import generator
from docs.tools.starlark import Loader
from tests.repo import tree

PAGE = tree.text(tree.Path("docs/migrate.md"))
SYMBOLS = {symbol.name: symbol for symbols in generator.symbols(tree.ROOT).values() for symbol in symbols}
# What the page promises by name, from the neighbours' last releases.
RULES = {
    *("k8s_object", "k8s_objects", "k8s_defaults", "jsonnet_library", "jsonnet_to_json", "jsonnet_to_json_test"),
    *("container_image", "container_layer", "container_push", "container_bundle", "container_pull", "container_load"),
    *("py3_image", "java_image", "go_image", "cc_image"),
}


def tables(head):
    """Returns the rows of all tables whose header begins with the given cells: lists of cells."""
    found, inside = [], False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[: len(head)] == head:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(line) <= set("|- "):
            found.append(cells)
    return found


def spans(cell):
    """Returns the code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def attributes(rule):
    """Returns the names of a rule's attributes."""
    return {row.name for row in SYMBOLS[rule].rows}


SAME = [(spans(rule)[0], name) for rule, cell in tables(["rule", "attributes with the same meaning"]) for name in spans(cell)]
LOADS = [
    tuple(ast.literal_eval(argument) for argument in node.value.args)
    for block in re.findall(r"^```starlark\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for node in ast.parse(block).body
]


def test_every_rule_is_on_the_page():
    """The page has a row for each rule that the neighbours' users have in their BUILD files, and loads each."""
    assert {rule for rule, _ in SAME} == RULES
    assert {name for _, *names in LOADS for name in names} == RULES
    assert len(SAME) > 120


@pytest.mark.parametrize(("rule", "name"), SAME)
def test_the_same_attribute(rule, name):
    """An attribute with the same meaning is one of the rule's; a row may also name the rule that has the others."""
    assert name in attributes(rule) or name in RULES, f"{rule} has no attribute {name}; correct docs/migrate.md"


@pytest.mark.parametrize(("path", "names"), [(path, names) for path, *names in LOADS])
def test_load_lines(path, names):
    """Each load line names a file of the repository and symbols that it exports."""
    loader = Loader(tree.ROOT, [f"rules/{kind}" for kind in generator.PAGES])
    exported = loader.load(path.removeprefix("@turnup//").replace(":", "/")).names

    assert path.startswith("@turnup//") and set(names) <= exported.keys()


def test_what_has_no_counterpart():
    """An attribute without a counterpart is not one of the rule's, or the rule refuses it; the words say what to use."""
    unsupported = Loader(tree.ROOT, ["rules/image"]).load("rules/image/private/unsupported.bzl").names["UNSUPPORTED"]
    rows = tables(["rule", "attributes", "use"])
    found = {(spans(rule)[0], name) for rule, cell, _ in rows for name in spans(cell)}

    assert len(found) > 40 and all(use for *_, use in rows)
    # These two are attributes only so that the error can say what to use.
    refused = {("k8s_object", "resolver"), ("k8s_object", "resolver_args")}
    assert [(rule, name) for rule, name in sorted(found - refused) if name in attributes(rule)] == []
    assert all("not supported" in row.meaning.lower() for row in SYMBOLS["k8s_object"].rows if row.name in ("resolver", "resolver_args"))
    images = {(rule, name) for rule, name in found if rule.startswith("container_")}
    assert [(rule, name) for rule, name in sorted(images) if name not in unsupported[rule]] == []


def test_no_image_attribute_is_forgotten():
    """The page has a row for every attribute of rules_docker that a container rule refuses."""
    unsupported = Loader(tree.ROOT, ["rules/image"]).load("rules/image/private/unsupported.bzl").names["UNSUPPORTED"]
    found = {(spans(rule)[0], name) for rule, cell, _ in tables(["rule", "attributes", "use"]) for name in spans(cell)}
    missing = {(rule, name) for rule, names in unsupported.items() if rule.startswith("container_") for name in names} - found

    # Tools of rules_docker's own macros, which nobody sets.
    assert {name for _, name in missing} <= {"build_layer", *(name for _, name in missing if name.startswith("puller_"))}


def test_rules_without_a_counterpart():
    """A rule that the page says is not there is not there, and what it names instead is."""
    rows = tables(["rules without a counterpart"])
    gone = {name for rules, _ in rows for name in spans(rules)}

    assert len(gone) > 8 and gone & SYMBOLS.keys() == set()
    assert {name for _, use in rows for name in spans(use) if name.startswith(("container_", "debian_"))} <= SYMBOLS.keys()


def test_fields_of_the_provider():
    """JsonnetLibraryInfo has the fields that the page names."""
    (line,) = re.findall(r"^`JsonnetLibraryInfo` has.*$", PAGE, re.MULTILINE)

    assert set(spans(line)[1:]) == attributes("JsonnetLibraryInfo")
