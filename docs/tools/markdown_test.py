"""Tests of the Markdown that is written for symbols."""

from docs.tools import markdown
from docs.tools.symbols import Row, Symbol

_RULE = Symbol(
    name="make",
    kind="rule",
    file="rules/a/defs.bzl",
    summary="Makes\nit.",
    example="```\nmake(name = 1)\n```",
    rows=(
        Row("name", "string", "required", "The target's name."),
        Row("mode", "string", '`""`', "One of a|b.", ("First.", "Second.")),
    ),
    remarks=("Much more.",),
)


def test_a_rule_has_table_and_remarks() -> None:
    """A section has summary, load, example, one row for each attribute, and remarks below the table."""
    section = markdown.page("a", [_RULE]).split("### make\n", 1)[1]

    assert (
        section
        == """
Makes it.

```starlark
load("//rules/a:defs.bzl", "make")

make(name, mode = …)
```

```starlark
make(name = 1)
```

| attribute | type | default | meaning |
|---|---|---|---|
| `name` | string | required | The target's name. |
| `mode` | string | `""` | One of a\\|b. |

Much more.

- `mode`: First.

  Second.
"""
    )


def test_a_provider_has_fields() -> None:
    """A provider's table has fields without types and defaults, and no call."""
    page = markdown.page("a", [Symbol("P", "provider", "rules/a/defs.bzl", "P.", rows=(Row("x", "", "", "X."),))])

    assert "## Providers" in page
    assert 'load("//rules/a:defs.bzl", "P")\n```\n\n| field | meaning |\n|---|---|\n| `x` | X. |\n' in page


def test_what_a_macro_sets_and_returns_is_shown() -> None:
    """Attributes that a macro sets have a table of their own; a function says what it returns."""
    page = markdown.page(
        "a",
        [
            Symbol("m", "macro", "rules/a/defs.bzl", "M.", fixed=(Row("b", "label", "required", "B."),)),
            Symbol("f", "function", "rules/a/defs.bzl", "F.", rows=(Row("x", "int", "required", "X."),), returns="One."),
        ],
    )

    assert "The macro sets these attributes of its rule itself:\n\n| attribute | type | default | meaning |" in page
    assert "| argument | type | default | meaning |\n|---|---|---|---|\n| `x` | int | required | X. |\n\nReturns: One.\n" in page


def test_long_calls_are_wrapped() -> None:
    """A call breaks between arguments, below the opening parenthesis."""
    rows = tuple(Row(f"attribute_{number}", "int", "`0`", "A.") for number in range(12))
    page = markdown.page("a", [Symbol("make", "rule", "rules/a/defs.bzl", "M.", rows=rows)])
    call = page.split("\nmake(", 1)[1].split("```")[0].splitlines()

    assert len(call) > 1 and all(len(line) <= 100 for line in call)
    assert all(line.startswith("     attribute_") for line in call[1:])


def test_tables_of_contents_link_to_sections() -> None:
    """The page lists its symbols, and the index lists the pages with their symbols."""
    assert "| [make](#make) | rule | Makes it. |" in markdown.page("a", [_RULE])
    assert "| [rules/a](a.md) | [make](a.md#make) |" in markdown.index([("a", [_RULE])])
