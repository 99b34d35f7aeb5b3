"""The forms in which programs write a value, and in which a Secret may appear in a log.

The functions run for each value in each run. So they skip early what changes nothing in most
values, and import nothing that takes long.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from urllib.parse import quote

# Quoting and escaping keep these characters.
_PLAIN = frozenset(string.ascii_letters + string.digits + "_.~-")
# Further characters that URL quoting keeps: in Python and Go, encodeURIComponent, encodeURI.
_URL_SAFE = [frozenset(safe) for safe in ("", "/", "!*'()", ";,/?:@&=+$!*'()#", "$&+=:@")]
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HTML_QUOTES: tuple[dict[str, str], ...] = ({}, {'"': "&quot;", "'": "&#x27;"}, {'"': "&quot;", "'": "&#39;"}, {'"': "&#34;", "'": "&#39;"})
_HTML_TABLES = [str.maketrans({**_HTML, **quotes}) for quotes in _HTML_QUOTES]
# Go's encoder escapes these characters for HTML.
_GO_JSON = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "&<>\u2028\u2029"})
# Lengths of the lines that base64 and openssl print; shorter rests are not secret by themselves.
_WRAPPED = (76, 64)
_SHORTEST_REST = 8
# The forms of shorter values are parts of ordinary words and numbers.
_SHORTEST_BYTES = 3
_SHORTEST_INNER = 4


def byte_forms(value: bytes) -> Iterator[str]:
    """Yields the forms of any bytes: in base64 at any position of a longer text, in hex, as Python prints them."""
    for code in (base64.b64encode, base64.urlsafe_b64encode):
        yield code(value).decode()
        yield code(value).decode().rstrip("=")
    if len(value) < _SHORTEST_BYTES:
        return
    yield value.hex()
    yield value.hex().upper()
    yield repr(value)[2:-1]
    for offset in range(3 if len(value) >= _SHORTEST_INNER else 0):
        # Three bytes are four characters: the text around the value changes only the characters at its edges.
        whole = base64.b64encode(b"\0" * offset + value).decode()
        inner = whole[(0, 2, 3)[offset] : (offset + len(value)) * 8 // 6]
        yield inner
        if "+" in inner or "/" in inner:
            yield inner.replace("+", "-").replace("/", "_")
        if not offset:
            for width in _WRAPPED:
                if len(inner) > width:
                    yield from (inner[start : start + width] for start in range(0, len(inner), width) if start + _SHORTEST_REST <= len(inner))


def text_forms(text: str) -> Iterator[str]:
    """Yields the forms of a text: as it is, on one line, and as JSON, YAML, shells, Python, URLs and HTML write it."""
    yield text
    special = set(text) - _PLAIN
    if not special:
        return
    yield " ".join(text.split())  # Errors are printed on one line.
    yield from _in_url(text, special)
    if special & set("&<>\"'"):
        yield from (text.translate(table) for table in _HTML_TABLES)
    if "'" in special:
        yield from (text.replace("'", escaped) for escaped in ("''", "'\\''", "'\"'\"'"))
    if not text.isascii() or special & set("&<>\"'\\") or not text.isprintable():
        yield repr(text)[1:-1]
        for written in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
            yield written
            yield written.translate(_GO_JSON)


def _in_url(text: str, special: set[str]) -> Iterator[str]:
    """Yields the forms of a text in URLs, each once."""
    data = text.encode("utf-8", "surrogatepass")
    for kept in {frozenset(special & safe) for safe in _URL_SAFE}:
        if len(kept) == len(special):
            continue
        if text.isascii():
            url = text.translate({ord(letter): f"%{ord(letter):02X}" for letter in special - kept})
            lower = text.translate({ord(letter): f"%{ord(letter):02x}" for letter in special - kept})
        else:
            url = quote(data, safe="".join(kept))
            lower = _lower(url)
        yield url
        yield lower
        if " " in special:
            yield url.replace("%20", "+")
            yield lower.replace("%20", "+")


def _lower(url: str) -> str:
    """Returns a URL with lower-case hexadecimal digits."""
    head, *rest = url.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
