"""Writes descriptions of symbols as a Markdown page."""

import textwrap
from collections.abc import Iterable, Sequence

from docs.tools.symbols import REQUIRED, Row, Symbol

_WIDTH = 100
_KINDS = {
    "rule": "Rules and macros",
    "macro": "Rules and macros",
    "provider": "Providers",
    "function": "Functions and constants",
    "constant": "Functions and constants",
    "repository rule": "Repository rules",
    "repository macro": "Repository rules",
}


def page(kind: str, symbols: Sequence[Symbol]) -> str:
    """Writes the page of one rule set.

    Args:
        kind: the folder below rules/.
        symbols: what its public files export.

    Returns:
        Markdown, with a newline at the end.
    """
    common = (
        f"Examples and semantics are in [rules/{kind}/README.md](../../rules/{kind}/README.md). Every rule also takes the attributes that "
        "Bazel gives all rules, such as `tags` and `visibility`; tests and programs take Bazel's `args`, `size` and `timeout` as well."
    )
    parts = [
        f"# Reference: rules/{kind}",
        "<!-- Generated from the .bzl files. To change it, edit their docs and run: bazel run //docs:update -->",
        common,
        _table(("symbol", "kind", "summary"), [(f"[{symbol.name}](#{symbol.name.lower()})", symbol.kind, _inline(symbol.summary)) for symbol in symbols]),
    ]
    for title in dict.fromkeys(_KINDS.values()):
        members = [symbol for symbol in symbols if _KINDS[symbol.kind] == title]
        if members:
            parts += [f"## {title}", *(part for symbol in members for part in _section(symbol))]
    return "\n\n".join(parts) + "\n"


def index(pages: Iterable[tuple[str, Sequence[Symbol]]]) -> str:
    """Writes the page that lists the pages.

    Args:
        pages: each folder below rules/ with its symbols.

    Returns:
        Markdown, with a newline at the end.
    """
    rows = [(f"[rules/{kind}]({kind}.md)", ", ".join(f"[{symbol.name}]({kind}.md#{symbol.name.lower()})" for symbol in symbols)) for kind, symbols in pages]
    return (
        "\n\n".join(
            [
                "# Reference",
                "<!-- Generated from the .bzl files. To change it, edit their docs and run: bazel run //docs:update -->",
                "Look up what a rule, macro, provider or repository rule takes. Each page is generated from the .bzl files that it describes.",
                _table(("page", "symbols"), rows),
            ]
        )
        + "\n"
    )


def _section(symbol: Symbol) -> list[str]:
    """Returns the blocks of one symbol."""
    blocks = [f"### {symbol.name}", _inline(symbol.summary), _fence(_signature(symbol)), *([_example(symbol.example)] if symbol.example else [])]
    if symbol.kind == "provider":
        blocks.append(_table(("field", "meaning"), [(f"`{row.name}`", row.meaning) for row in symbol.rows]))
    elif symbol.rows:
        blocks.append(_attributes("argument" if symbol.kind == "function" else "attribute", symbol.rows))
    if symbol.returns:
        blocks.append(f"Returns: {symbol.returns}")
    if symbol.fixed:
        blocks += ["The macro sets these attributes of its rule itself:", _attributes("attribute", symbol.fixed)]
    blocks += symbol.remarks
    remarks = [_remark(row) for row in (*symbol.rows, *symbol.fixed) if row.remarks]
    return [*blocks, *(["\n".join(remarks)] if remarks else [])]


def _signature(symbol: Symbol) -> str:
    """Returns the load statement and, for what can be called, the call with the name of every argument."""
    load = f'load("//{symbol.file.rpartition("/")[0]}:{symbol.file.rpartition("/")[2]}", "{symbol.name}")'
    if symbol.kind in ("provider", "constant"):
        return load
    names = [row.name if row.default == REQUIRED else f"{row.name} = …" for row in symbol.rows]
    call = f"{symbol.name}({', '.join(names)})"
    indent = " " * (len(symbol.name) + 1)
    # No break within `name = …`.
    wrapped = textwrap.fill(call.replace(" = ", "\0=\0"), _WIDTH, subsequent_indent=indent, break_long_words=False).replace("\0", " ")
    return f"{load}\n\n{wrapped}"


def _attributes(title: str, rows: Iterable[Row]) -> str:
    return _table((title, "type", "default", "meaning"), [(f"`{row.name}`", row.type, row.default, row.meaning) for row in rows])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table; bars in cells are escaped."""
    lines = [" | ".join(head), "|".join("---" for _ in head), *(" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"|{line}|" if number == 1 else f"| {line} |" for number, line in enumerate(lines))


def _remark(row: Row) -> str:
    """Returns an attribute's remarks as a list item."""
    text = "\n\n".join(row.remarks)
    return textwrap.indent(f"`{row.name}`: {text}", "  ").replace("  ", "- ", 1)


def _example(code: str) -> str:
    """Returns an example with the language that highlights it."""
    return code.replace("```\n", "```starlark\n", 1) if code.startswith("```\n") else code


def _fence(code: str) -> str:
    return f"```starlark\n{code}\n```"


def _inline(text: str) -> str:
    """Returns text on one line."""
    return " ".join(text.split())
