"""What the public symbols of .bzl files are: one description for each rule, macro, provider, function and constant."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from docs.tools.starlark import Attribute, DocumentationError, Loader, Module, Place, Provider, Rule

# A table cell holds a phrase or two; the rest belongs below the table.
LONGEST_CELL = 200

_TYPES = {
    "bool": "bool",
    "int": "int",
    "label": "label",
    "label_keyed_string_dict": "dict from label to string",
    "label_list": "list of labels",
    "output": "file name",
    "output_list": "list of file names",
    "string": "string",
    "string_dict": "dict from string to string",
    "string_list": "list of strings",
    "string_list_dict": "dict from string to list of strings",
}
_ENTRY = re.compile(r"(\**\w+)(?: \(([^)]*)\))?:\s*(.*)", re.DOTALL)
REQUIRED = "required"


@dataclass(frozen=True)
class Row:
    """A row of a table: an attribute, argument or field. Type and default are empty for a field."""

    name: str
    type: str
    default: str
    meaning: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Symbol:
    """A public symbol of a .bzl file."""

    name: str
    kind: str
    file: str
    summary: str
    example: str = ""
    rows: tuple[Row, ...] = ()
    fixed: tuple[Row, ...] = ()
    remarks: tuple[str, ...] = ()
    returns: str = ""


@dataclass
class _Docstring:
    """A macro's or function's docstring, taken apart."""

    summary: str = ""
    paragraphs: list[str] = field(default_factory=list)
    arguments: dict[str, tuple[str, str]] = field(default_factory=dict)
    forwarded: dict[str, tuple[str, str]] = field(default_factory=dict)
    returns: str = ""


def paragraphs_of(text: str) -> list[str]:
    """Splits text at blank lines outside fenced code.

    Args:
        text: a docstring or doc; its indentation does not matter.

    Returns:
        The paragraphs; a fenced block is one.
    """
    found: list[list[str]] = [[]]
    fenced = False
    for line in inspect.cleandoc(text).splitlines():
        fence = line.startswith("```")
        if not fenced and (fence or not line.strip()):
            found.append([])
        if line.strip() or fenced:
            found[-1].append(line)
        if fence and fenced:
            found.append([])
        fenced ^= fence
    return ["\n".join(lines).strip() for lines in found if lines]


def describe(loader: Loader, module: Module) -> list[Symbol]:
    """Describes what another repository can load from a file.

    Args:
        loader: what loaded the module.
        module: a public .bzl file.

    Returns:
        The symbols, sorted by name.

    Raises:
        DocumentationError: a symbol, attribute, argument or field has no documentation, or too long a first paragraph.
    """
    public = {id(other.names[name]) for other in loader.modules() if "/private/" not in other.path for name in _exported(other)}
    describer = _Describer(loader, module, public)
    return [describer.symbol(name, line) for name, line in sorted(_exported(module).items())]


def _exported(module: Module) -> dict[str, int]:
    """Returns what other files can load from a file: each name and its line."""
    found: dict[str, int] = {}
    for node in module.tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.lineno for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = node.lineno
    return {name: line for name, line in found.items() if not name.startswith("_")}


class _Describer:
    """Describes the symbols of one file."""

    def __init__(self, loader: Loader, module: Module, public: set[int]) -> None:
        """Takes the ids of all objects that public files export as `public`; other rules are details of a macro."""
        self._loader = loader
        self._module = module
        self._public = public

    def symbol(self, name: str, line: int) -> Symbol:
        """Describes the symbol that the file exports on a line."""
        value = self._module.names[name]
        if isinstance(value, Rule):
            return self._of_rule(name, value)
        if isinstance(value, Provider):
            return self._of_provider(name, value)
        if callable(value) and hasattr(value, "__code__"):
            return self._of_function(name, value)
        comment: list[str] = []
        while self._module.lines[line - 2 - len(comment)].startswith("# "):
            comment.insert(0, self._module.lines[line - 2 - len(comment)].removeprefix("# "))
        text = " ".join(comment)
        _require(text, Place(self._module.path, line), name, "the constant has no comment. Write one above it that says what it holds.")
        return Symbol(name, "constant", self._module.path, text)

    def _of_rule(self, name: str, rule: Rule) -> Symbol:
        summary, example, remarks = _split(rule.doc)
        _require(summary, rule.place, name, "the rule has no doc. Write doc = with one sentence.")
        kind = "repository rule" if rule.repository else "rule"
        first = _name_row(rule.repository)
        rows = [_attribute_row(name, key, attribute) for key, attribute in sorted(rule.attributes.items()) if not key.startswith("_")]
        rows.sort(key=lambda row: row.default != REQUIRED)
        return Symbol(name, kind, self._module.path, summary, example, (first, *rows), remarks=tuple(remarks))

    def _of_provider(self, name: str, provider: Provider) -> Symbol:
        summary, example, remarks = _split(provider.doc)
        _require(summary, provider.place, name, "the provider has no doc. Write doc = with one sentence.")
        rows = []
        for key, doc in provider.fields.items():
            _require(doc, provider.place, f"{name}.{key}", "the field has no doc. Say its type and what it holds.")
            meaning, rest = _cell(doc, provider.place, f"{name}.{key}")
            rows.append(Row(key, "", "", meaning, rest))
        return Symbol(name, "provider", self._module.path, summary, example, tuple(rows), remarks=tuple(remarks))

    def _of_function(self, name: str, function: Callable[..., Any]) -> Symbol:
        node, place, doc = self._read(function)
        _require(doc.summary, place, name, "the function has no docstring. Write one with an Args: section.")
        wrapped, rows = self._rows(name, function)
        summary, example, remarks = _split("\n\n".join([doc.summary, *doc.paragraphs]))
        fixed: list[Row] = []
        kind = "macro" if wrapped or "native." in ast.unparse(node) or not doc.returns else "function"
        for rule, given in wrapped:
            if isinstance(rule, Rule) and id(rule) not in self._public:
                kind = "repository macro" if rule.repository else kind
                _, example_below, remarks_below = _split(rule.doc)
                example = example or example_below
                remarks += remarks_below
                named = {row.name for row in rows}
                fixed += [
                    _attribute_row(name, key, attribute)
                    for key, attribute in sorted(rule.attributes.items())
                    if key in given - named and not key.startswith("_")
                ]
        return Symbol(name, kind, self._module.path, summary, example, tuple(rows), tuple(fixed), tuple(remarks), doc.returns)

    def _read(self, function: Callable[..., Any]) -> tuple[ast.FunctionDef, Place, _Docstring]:
        """Returns a function's syntax, place and docstring."""
        code = function.__code__
        module = self._loader.module_of(code)
        nodes = [node for node in module.tree.body if isinstance(node, ast.FunctionDef) and node.name == code.co_name]
        return nodes[0], Place(module.path, nodes[0].lineno), _docstring(ast.get_docstring(nodes[0]) or "")

    def _rows(self, name: str, function: Callable[..., Any]) -> tuple[list[tuple[Any, set[str]]], list[Row]]:
        """Returns what a macro calls, with the arguments that it sets, and a row for each argument that it takes."""
        node, place, doc = self._read(function)
        module = self._loader.module_of(function.__code__)
        called = list(_calls(node, module.names))
        below: dict[str, Row] = {}
        for callee, given, forwards in called:
            if forwards:
                found = self._of_rule(name, callee).rows if isinstance(callee, Rule) else self._rows(name, callee)[1]
                below |= {row.name: row for row in found if row.name not in given}
        types: dict[str, Row] = {}
        for callee, _, _ in called:
            if isinstance(callee, Rule):
                types |= {row.name: row for row in self._of_rule(name, callee).rows}
        rows = []
        for argument, default in _arguments(node):
            if argument == "name":
                type_, text = "string", doc.arguments.get("name", ("", ""))[1] or _name_row(False).meaning
            else:
                type_, text = doc.arguments.get(argument, ("", ""))
            _require(text, place, f"{name}: {argument}", "the argument is missing in Args:. Add a line for it.")
            type_ = type_ or (types[argument].type if argument in types else "")
            _require(type_, place, f"{name}: {argument}", "the argument has no type. Write it in parentheses behind the name in Args:.")
            meaning, rest = _cell(text, place, f"{name}: {argument}")
            rows.append(Row(argument, type_, default, meaning, rest or (types[argument].remarks if argument in types else ())))
        named = {row.name for row in rows}
        for argument, (type_, text) in doc.forwarded.items():
            known = below.get(argument, Row(argument, "", "unset", ""))
            _require(type_ or known.type, place, f"{name}: {argument}", "the argument has no type. Write it in parentheses behind the name.")
            _require(text or known.meaning, place, f"{name}: {argument}", "the argument has no text. Say what it means.")
            meaning, rest = _cell(text, place, f"{name}: {argument}") if text else (known.meaning, known.remarks)
            below[argument] = replace(known, type=type_ or known.type, meaning=meaning, remarks=rest)
        rows += sorted((row for row in below.values() if row.name not in named), key=lambda row: row.name)
        rows.sort(key=lambda row: row.default != REQUIRED)
        return [(callee, given) for callee, given, _ in called], rows


def _calls(node: ast.FunctionDef, names: Mapping[str, Any]) -> list[tuple[Any, set[str], bool]]:
    """Returns (rule or macro, keywords that the call sets, whether it hands on **kwargs) for each call that matters."""
    catch_all = node.args.kwarg.arg if node.args.kwarg else ""
    found = []
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        callee = names.get(call.func.id)
        words = {name.id for keyword in call.keywords if keyword.arg is None for name in ast.walk(keyword.value) if isinstance(name, ast.Name)}
        forwards = bool(catch_all) and catch_all in words
        if isinstance(callee, Rule) or (forwards and inspect.isfunction(callee)):
            found.append((callee, {keyword.arg for keyword in call.keywords if keyword.arg}, forwards))
    return found


def _arguments(node: ast.FunctionDef) -> list[tuple[str, str]]:
    """Returns (argument, default as written) of a function, without its catch-all."""
    names = [argument.arg for argument in node.args.args]
    required = len(names) - len(node.args.defaults)
    written = [REQUIRED] * required + [f"`{_written(default)}`" for default in node.args.defaults]
    return list(zip(names, written, strict=True))


def _written(node: ast.expr) -> str:
    """Returns an expression as Starlark writes it, with double quotes."""
    return ast.unparse(node).replace("'", '"')


def _attribute_row(owner: str, key: str, attribute: Attribute) -> Row:
    """Returns the row of a rule's attribute."""
    _require(attribute.doc, attribute.place, f"{owner}: {key}", "the attribute has no doc. Write doc = with one sentence.")
    meaning, rest = _cell(attribute.doc, attribute.place, f"{owner}: {key}")
    written = repr(attribute.default).replace("'", '"')
    default = REQUIRED if attribute.mandatory else f"`{written}`"
    return Row(key, _TYPES[attribute.type], default, meaning, rest)


def _name_row(repository: bool) -> Row:
    return Row("name", "string", REQUIRED, "The repository's name." if repository else "The target's name.")


def _split(doc: str) -> tuple[str, str, list[str]]:
    """Returns the summary, the first example and the remarks of a doc."""
    parts = paragraphs_of(doc)
    examples = [part for part in parts[1:] if part.startswith("```")]
    example = examples[0] if examples else ""
    return (parts[0] if parts else ""), example, [part for part in parts[1:] if part is not example]


def _cell(doc: str, place: Place, what: str) -> tuple[str, tuple[str, ...]]:
    """Returns the table cell and the remarks of a doc; the cell starts with a capital letter."""
    first, *rest = paragraphs_of(doc)
    first = " ".join(first.split())
    if re.match(r"[a-z]+\b(?![._]\w)", first):  # not an identifier or a file name
        first = first[0].upper() + first[1:]
    if len(first) > LONGEST_CELL:
        problem = f"the first paragraph of its doc has {len(first)} characters, more than {LONGEST_CELL}"
        raise DocumentationError(f"{place}: {what}: {problem}. Move details below a blank line.")
    return first, tuple(rest)


def _require(found: str, place: Place, what: str, sentence: str) -> None:
    """Fails with the place and a sentence where documentation is empty."""
    if not found.strip():
        raise DocumentationError(f"{place}: {what}: {sentence}")


def _docstring(text: str) -> _Docstring:
    """Takes a Google-style docstring apart."""
    body, _, sections = text.partition("\nArgs:\n")
    if not sections and "\nReturns:\n" in body:
        body, _, sections = body.partition("\nReturns:\n")
        sections = "\nReturns:\n" + sections
    arguments, _, returns = sections.partition("Returns:\n")
    summary, *paragraphs = paragraphs_of(body) or [""]
    result = _Docstring(summary, paragraphs, returns=" ".join(returns.split()))
    for name, type_, doc in _entries(arguments):
        if not name.startswith("*"):
            result.arguments[name] = (type_, doc)
            continue
        below = doc.partition("\n")[2]
        result.forwarded |= {inner: (inner_type, inner_doc) for inner, inner_type, inner_doc in _entries(below)}
    return result


def _entries(section: str) -> list[tuple[str, str, str]]:
    """Returns (name, type, doc) of each entry of an Args: section; deeper lines belong to the entry above them."""
    text = inspect.cleandoc("\n" + section) if section.strip() else ""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            blocks.append([])
        if blocks:
            blocks[-1].append(line)
    matches = [_ENTRY.fullmatch("\n".join(block).rstrip()) for block in blocks]
    return [(match[1], match[2] or "", _dedent(match[3])) for match in matches if match]


def _dedent(text: str) -> str:
    """Returns an entry's text with its continuation lines at the margin of the least deep one."""
    first, newline, rest = text.partition("\n")
    return first + newline + textwrap.dedent(rest)
