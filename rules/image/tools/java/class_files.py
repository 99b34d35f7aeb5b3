"""Class files (JVM specification, chapter 4): their version, and the classes that they name."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from rules.image.tools.errors import InputError

_MAGIC = b"\xca\xfe\xba\xbe"
_CLASS, _UTF8 = 7, 1
_WIDE = (5, 6)  # long and double, which take two places of the constant pool
# Bytes of each kind of constant after its tag, where they do not depend on its content.
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_IN_DESCRIPTOR = re.compile(rb"L([\w$/-]+)[;<]")
# A class that is named in text, as in Class.forName("sun.misc.Unsafe").
_NAMED = re.compile(rb"[a-z_]\w*(?:\.[a-z_]\w*)+\.[A-Z]\w*(?:\$\w+)*\Z")
_MAIN = b"([Ljava/lang/String;)V"


class ClassFile(NamedTuple):
    """What a class file says about itself and others; names are in the JVM's form, java/lang/String.

    Attributes:
        version: the major version; 61 is Java 17.
        uses: the classes in its constant pool, which its code needs, and those that it names in text, which it may load.
        mentions: the other classes of its descriptors, signatures and annotations.
        may_be_main: whether it has or calls a method `main` with the arguments of a program.
    """

    version: int
    uses: frozenset[str]
    mentions: frozenset[str]
    may_be_main: bool


def parse(data: bytes, where: str) -> ClassFile:
    """Reads a class file.

    Args:
        data: the file.
        where: the file's name, for errors.

    Raises:
        InputError: it is not a class file, or it is truncated.
    """
    try:
        return _parse(data)
    except (IndexError, KeyError, ValueError, struct.error):
        raise InputError(f"{where} is not a class file; build its jar again") from None


def _parse(data: bytes) -> ClassFile:
    """Reads a class file; raises IndexError, KeyError, ValueError or struct.error if it is damaged."""
    if data[:4] != _MAGIC:
        raise ValueError
    version, count = struct.unpack_from(">HH", data, 6)
    texts: dict[int, bytes] = {}
    classes = []
    index, at = 1, 10
    while index < count:
        tag = data[at]
        if tag == _UTF8:
            size = data[at + 1] << 8 | data[at + 2]
            texts[index] = data[at + 3 : at + 3 + size]
            at += 3 + size
        else:
            if tag == _CLASS:
                classes.append(data[at + 1] << 8 | data[at + 2])
            at += 1 + _SIZES[tag]
        index += 2 if tag in _WIDE else 1
    if at >= len(data):
        raise ValueError
    uses: set[bytes] = set()
    for text in (texts[index] for index in classes):
        if not text.startswith(b"["):
            uses.add(text)
        elif text.endswith(b";"):
            uses.add(text.lstrip(b"[")[1:-1])
    mentions: set[bytes] = set()
    for text in texts.values():
        if b"L" in text and (b";" in text or b"<" in text):
            mentions.update(_IN_DESCRIPTOR.findall(text))
        elif b"." in text and _NAMED.match(text):
            uses.add(text.replace(b".", b"/"))
    values = set(texts.values())
    return ClassFile(version, _names(uses), _names(mentions - uses), b"main" in values and _MAIN in values)


def _names(names: set[bytes]) -> frozenset[str]:
    """Returns names as text; the few that are not UTF-8 are of no class that a Java compiler wrote."""
    return frozenset(name.decode("utf-8", "replace") for name in names)
