"""Tests of the descriptions of symbols, and of the errors for missing documentation."""

from pathlib import Path

import pytest

from docs.tools.starlark import DocumentationError, Loader
from docs.tools.symbols import Symbol, describe, paragraphs_of

_RULE = """_r = rule(implementation = None, doc = "Makes R.\\n\\nMore of R.", attrs = {
    "b": attr.label(doc = "B.", mandatory = True),
    "a": attr.string_list(doc = "A list. Empty: none.\\n\\nLonger."),
    "_hidden": attr.label(),
})
"""


def _describe(root: Path, text: str) -> dict[str, Symbol]:
    """Describes one public file, by symbol."""
    (root / "a").mkdir()
    (root / "a/defs.bzl").write_text(text)
    loader = Loader(root, ["a"])
    return {symbol.name: symbol for symbol in describe(loader, loader.load("a/defs.bzl"))}


def _rows(symbol: Symbol) -> list[tuple[str, str, str, str]]:
    """Returns a symbol's rows without remarks."""
    return [(row.name, row.type, row.default, row.meaning) for row in symbol.rows]


def test_rule_has_a_row_for_each_attribute(tmp_path) -> None:
    """Required attributes come first, private ones are left out, and text after a blank line is a remark."""
    symbol = _describe(tmp_path, _RULE + "r = _r\n")["r"]

    assert (symbol.kind, symbol.summary, symbol.remarks) == ("rule", "Makes R.", ("More of R.",))
    assert _rows(symbol) == [
        ("name", "string", "required", "The target's name."),
        ("b", "label", "required", "B."),
        ("a", "list of strings", "`[]`", "A list. Empty: none."),
    ]
    assert [row.remarks for row in symbol.rows] == [(), (), ("Longer.",)]


def test_macro_has_its_arguments_and_what_it_forwards(tmp_path) -> None:
    """Rows come from Args:, from the wrapped rule through **kwargs, and from entries below **kwargs."""
    symbol = _describe(
        tmp_path,
        _RULE
        + '''
def m(name, c = 1, **kwargs):
    """Makes M.

    Args:
      name: the name of M.
      c (int): a number.

        Not a large one.
      **kwargs: attributes of the rule.
        a (dict from string to label):
        d (bool): whether.
    """
    _r(name = name, b = c, **kwargs)
''',
    )["m"]

    assert symbol.kind == "macro"
    assert _rows(symbol) == [
        ("name", "string", "required", "The name of M."),
        ("c", "int", "`1`", "A number."),
        ("a", "dict from string to label", "`[]`", "A list. Empty: none."),
        ("d", "bool", "unset", "Whether."),
    ]
    assert [row.remarks for row in symbol.rows] == [(), ("Not a large one.",), ("Longer.",), ()]
    assert [row.name for row in symbol.fixed] == ["b"]
    assert symbol.remarks == ("More of R.",)


def test_macro_of_a_macro(tmp_path) -> None:
    """A macro that hands **kwargs to another macro takes that macro's arguments, except those that it sets."""
    symbol = _describe(
        tmp_path,
        _RULE
        + '''
def m(name, c = "", **kwargs):
    """Makes M.

    Args:
      name: the name.
      c (string): a text.
      **kwargs: attributes.
    """
    _r(name = name, **kwargs)

def n(name, **kwargs):
    """Makes N.

    Args:
      name: the name.
      **kwargs: arguments of m.
    """
    m(name = name, a = [], **kwargs)
''',
    )["n"]

    assert [row.name for row in symbol.rows] == ["name", "b", "c"]


def test_macro_shows_what_it_sets(tmp_path) -> None:
    """Attributes of a private rule that a macro sets by itself are listed apart."""
    symbol = _describe(tmp_path, _RULE + 'def m(name):\n    """Makes M."""\n    _r(name = name, b = ":x")\n')["m"]

    assert [row.name for row in symbol.rows] == ["name"]
    assert [row.name for row in symbol.fixed] == ["b"]


def test_rules_of_other_public_files_are_no_detail(tmp_path) -> None:
    """A macro that calls a rule which has its own page does not repeat what that page says."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b/defs.bzl").write_text(_RULE + "r = _r\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/defs.bzl").write_text('load("//b:defs.bzl", "r")\n\ndef m(name):\n    """Makes M."""\n    r(name = name, b = ":x")\n')
    loader = Loader(tmp_path, ["a", "b"])
    (symbol,) = describe(loader, loader.load("a/defs.bzl"))

    assert (symbol.fixed, symbol.remarks) == ((), ())


def test_provider_function_constant_and_repository_rule(tmp_path) -> None:
    """Every other kind of symbol is described too."""
    symbols = _describe(
        tmp_path,
        '''P = provider(doc = "P.", fields = {"x": "X."})
repo = repository_rule(implementation = None, doc = "Fetches.\\n\\n```\\nrepo(name = 1)\\n```")
# What c
# holds.
C = 1

def f(ctx):
    """Returns one.

    Args:
      ctx (ctx): the context.

    Returns:
      1.
    """
    return 1
''',
    )

    assert [(symbol.name, symbol.kind, symbol.summary) for symbol in symbols.values()] == [
        ("C", "constant", "What c holds."),
        ("P", "provider", "P."),
        ("f", "function", "Returns one."),
        ("repo", "repository rule", "Fetches."),
    ]
    assert _rows(symbols["P"]) == [("x", "", "", "X.")]
    assert (_rows(symbols["f"]), symbols["f"].returns) == ([("ctx", "ctx", "required", "The context.")], "1.")
    assert (symbols["repo"].example, symbols["repo"].remarks) == ("```\nrepo(name = 1)\n```", ())
    assert _rows(symbols["repo"]) == [("name", "string", "required", "The repository's name.")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r = rule(implementation = None)\n", r"^a/defs\.bzl:1: r: the rule has no doc\. Write doc = "),
        ('r = rule(doc = "R.", attrs = {\n    "a": attr.string(),\n})\n', r"^a/defs\.bzl:2: r: a: the attribute has no doc\. Write doc = "),
        (
            'r = rule(doc = "R.", attrs = {"a": attr.string(doc = "x" * 201)})\n',
            r"^a/defs\.bzl:1: r: a: the first paragraph .* 201 characters, more than 200\. Move",
        ),
        ("P = provider(fields = {})\n", r"^a/defs\.bzl:1: P: the provider has no doc\."),
        ('P = provider(doc = "P.", fields = ["x"])\n', r"^a/defs\.bzl:1: P\.x: the field has no doc\. Say its type"),
        ("C = 1\n", r"^a/defs\.bzl:1: C: the constant has no comment\. Write one above it"),
        ("def f():\n    pass\n", r"^a/defs\.bzl:1: f: the function has no docstring\. Write one"),
        ('def f(x):\n    """Does."""\n', r"^a/defs\.bzl:1: f: x: the argument is missing in Args:\. Add a line"),
        ('def f(x):\n    """Does.\n\n    Args:\n      x: x.\n    """\n', r"^a/defs\.bzl:1: f: x: the argument has no type\. Write it in parentheses"),
        ('def f(**kw):\n    """Does.\n\n    Args:\n      **kw: more.\n        y: y.\n    """\n', r"^a/defs\.bzl:1: f: y: the argument has no type\."),
        ('def f(**kw):\n    """Does.\n\n    Args:\n      **kw: more.\n        y (bool):\n    """\n', r"^a/defs\.bzl:1: f: y: the argument has no text\."),
    ],
)
def test_missing_documentation(tmp_path, text: str, message: str) -> None:
    """What is not documented fails with one sentence: place, what is missing, what to do."""
    with pytest.raises(DocumentationError, match=message):
        _describe(tmp_path, text)


def test_paragraphs_keep_fenced_code_together() -> None:
    """Blank lines inside a fence do not split it; a fence ends the paragraph before it."""
    assert paragraphs_of("One\nline.\n```\na\n\nb\n```\nTwo.\n\nThree.") == ["One\nline.", "```\na\n\nb\n```", "Two.", "Three."]
