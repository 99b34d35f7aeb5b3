"""Tests that .bzl files run outside Bazel and give rules, attributes and providers."""

from pathlib import Path

import pytest

from docs.tools.starlark import DocumentationError, Loader, Place, Provider, Rule


def _write(root: Path, **files: str) -> Loader:
    """Writes files below rules/a and returns a loader for that package."""
    folder = root / "rules/a"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.bzl").write_text(text)
    return Loader(root, ["rules/a"])


def test_shared_dictionaries_are_resolved(tmp_path) -> None:
    """Attributes of a loaded dictionary, of a merge and of a comprehension are attributes of the rule."""
    loader = _write(
        tmp_path,
        common='COMMON = {"a": attr.string(doc = "A.")}\n',
        defs="""load(":common.bzl", _C = "COMMON")
_MADE = {name: attr.int(doc = name) for name in ["b", "c"]}
r = rule(implementation = None, doc = "R.", attrs = dict(_C, d = attr.label_list(doc = "D."), **_MADE))
""",
    )
    rule = loader.load("rules/a/defs.bzl").names["r"]

    assert isinstance(rule, Rule) and not rule.repository
    assert {name: (attribute.type, attribute.default) for name, attribute in rule.attributes.items()} == {
        "a": ("string", ""), "b": ("int", 0), "c": ("int", 0), "d": ("label_list", []),
    }  # fmt: skip


def test_attributes_know_their_line(tmp_path) -> None:
    """An attribute has the file and line of its declaration, for errors."""
    loader = _write(tmp_path, defs='\nA = attr.bool(doc = "x", default = True, mandatory = True)\n')
    attribute = loader.load("rules/a/defs.bzl").names["A"]

    assert (attribute.place, attribute.default, attribute.mandatory) == (Place("rules/a/defs.bzl", 2), True, True)


def test_providers_have_fields(tmp_path) -> None:
    """A provider's fields come with their documentation, which is empty for a plain list; an instance can be made."""
    loader = _write(tmp_path, defs='P = provider(doc = "P.", fields = {"x": "X."})\nQ = provider(fields = ["y"])\nI = P(x = 1)\n')
    names = loader.load("rules/a/defs.bzl").names

    assert isinstance(names["P"], Provider) and names["P"].fields == {"x": "X."}
    assert names["Q"].fields == {"y": ""}
    assert names["I"].x == 1


def test_other_packages_are_stand_ins(tmp_path) -> None:
    """A load from a package that is not followed gives something that can be called and looked into."""
    loader = _write(tmp_path, defs='load("@x//y:z.bzl", "f")\nload("//other:z.bzl", "g")\nA = f(1).b[g]\nr = repository_rule(implementation = None)\n')
    names = loader.load("rules/a/defs.bzl").names

    assert names["A"] is names["f"]
    assert names["r"].repository


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('load(":gone.bzl", "x")\n', r"^rules/a/gone\.bzl: the file does not exist\. Correct the load\(\)"),
        ('load(":defs2.bzl", "x")\n', r"^rules/a/defs\.bzl: :defs2\.bzl has no x\. Correct the load\(\)\."),
        ("x = unknown\n", r"^rules/a/defs\.bzl: cannot be run as Python: NameError.* Add what it uses"),
    ],
)
def test_files_that_cannot_be_run(tmp_path, text: str, message: str) -> None:
    """An error says which file is wrong, how, and what to do."""
    loader = _write(tmp_path, defs=text, defs2="y = 1\n")

    with pytest.raises(DocumentationError, match=message):
        loader.load("rules/a/defs.bzl")
