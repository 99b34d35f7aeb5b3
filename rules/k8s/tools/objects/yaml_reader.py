"""Builds values from the events of a YAML parser, as kubectl's library for Go does.

It does not recurse: deep input costs a sentence, not the stack of the parser written in C.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.json_documents import DEPTH, TOO_DEEP
from rules.k8s.tools.objects.yaml_scalars import json_number, key_text, resolve

# What aliases may stand for, as in Go's YAML library: 99 % of the values of a document of up to 400,000 values, and 10 % of
# those of one of 4,000,000.
_FREE_VALUES = 1000
_FREE_ALIASED = 100
_SMALL, _LARGE = 400_000, 4_000_000
_SMALL_SHARE, _LARGE_SHARE = 0.99, 0.10

_TAGS = "tag:yaml.org,2002:"
# Tags that a scalar may have, and the types of their values.
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    f"{_TAGS}null": (type(None),),
    f"{_TAGS}bool": (bool,),
    f"{_TAGS}int": (int,),
    f"{_TAGS}float": (float, int),
}
_TEXT_TAGS = (f"{_TAGS}str", f"{_TAGS}timestamp")
_MERGE = "<<"
_MERGE_TAG = f"{_TAGS}merge"
_OCTAL = re.compile(r"[-+]?0[0-7_]+")


@dataclass
class _Anchored:
    """What an alias stands for.

    Attributes:
        value: the value.
        size: the number of values in it, itself included; 0 while it is being read.
        height: how many levels it is nested.
    """

    value: Any
    size: int = 0
    height: int = 0


@dataclass
class _Open:
    """A list or mapping that is being read.

    Attributes:
        value: the list or mapping.
        anchored: what aliases of it stand for.
        values: the document's number of values before it.
        ports: whether its values are ports.
        height: how many levels its values are nested.
        has_key: whether the key is read and the value is next.
        key: that key.
        merge: whether that key is `<<`.
        written: the keys that the mapping itself has; those of merged ones do not count.
    """

    value: Any
    anchored: _Anchored
    values: int
    ports: bool = False
    height: int = 0
    has_key: bool = False
    key: str = ""
    merge: bool = False
    written: set[str] = field(default_factory=set)


class YamlReader:
    """Reads the documents of one text.

    Args:
        path: the file's name for errors.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._start()

    def _start(self) -> None:
        self._anchors: dict[str, _Anchored] = {}
        self._values = self._aliased = 0
        self._stack: list[_Open] = []
        self._root: Any = None

    def documents(self, events: Iterable[Any]) -> Iterator[Any]:
        """Yields the value of each document.

        Args:
            events: the events of PyYAML's parser.

        Raises:
            TurnupError: see `load_yaml_documents`.
        """
        import yaml

        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield self._root
                self._start()

    def _place(self, event: Any) -> str:
        return f"{self._path}:{event.start_mark.line + 1}:{event.start_mark.column + 1}"

    def _is_key(self) -> bool:
        """Returns whether the next value is a key of a mapping."""
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and not self._stack[-1].has_key

    def _scalar(self, event: Any) -> None:
        self._values += 1
        text, tag = event.value, event.tag
        plain = event.implicit[0] and tag is None
        if self._is_key():
            if text == _MERGE and (plain or tag == _MERGE_TAG):
                self._stack[-1].has_key = self._stack[-1].merge = True
                return
        elif plain and self._stack:
            self._check_decimal(event)
        if plain:
            value = resolve(text)
        elif tag is None or tag == "!" or tag in _TEXT_TAGS:
            value = text
        elif tag in _SCALAR_TAGS:
            value = resolve(text)
            if type(value) not in _SCALAR_TAGS[tag] or (tag == f"{_TAGS}float" and isinstance(value, int) and key_text(value) is None):
                raise TurnupError(
                    f"{self._place(event)}: the value {text!r} is not of the type of its tag {_short(tag)}. Correct the value, or remove the tag."
                )
            value = float(value) if tag == f"{_TAGS}float" and isinstance(value, int) else value
        else:
            self._refuse_tag(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1)
        self._add(value, 0, event)

    def _refuse_tag(self, event: Any) -> NoReturn:
        raise TurnupError(f"{self._place(event)}: the value has the tag {_short(event.tag)}, which JSON cannot express. Write it as text.")

    def _open(self, event: Any, value: Any) -> None:
        self._values += 1
        if event.tag not in (None, "!", f"{_TAGS}map", f"{_TAGS}seq"):
            self._refuse_tag(event)
        if self._is_key():
            raise TurnupError(f"{self._place(event)}: a key is a list or a mapping, which JSON cannot express. Write it as text.")
        if len(self._stack) >= DEPTH:
            raise TurnupError(f"{self._path}: {TOO_DEEP}")
        anchored = _Anchored(value)
        if event.anchor:
            # As in Go: of two anchors of one name, the one that starts last counts.
            self._anchors[event.anchor] = anchored
        ports = bool(self._stack) and self._stack[-1].key == "ports" and isinstance(value, dict)
        self._stack.append(_Open(value, anchored, self._values, ports))

    def _close(self, event: Any) -> None:
        done = self._stack.pop()
        done.anchored.size, done.anchored.height = self._values - done.values + 1, done.height
        self._add(done.value, done.height, event)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise TurnupError(f"{self._place(event)}: the text is not YAML (found undefined alias {event.anchor!r}). Correct it.")
        found = self._anchors[event.anchor]
        if not found.size:
            raise TurnupError(
                f"{self._place(event)}: the alias {event.anchor!r} is part of what it stands for, which JSON cannot express. Replace the alias by its value."
            )
        if self._is_key() and isinstance(found.value, (dict, list)):
            raise TurnupError(f"{self._place(event)}: a key is a list or a mapping, which JSON cannot express. Write it as text.")
        self._values += 1 + found.size
        self._aliased += found.size
        if self._aliased > _FREE_ALIASED and self._values > _FREE_VALUES and self._aliased > self._values * _allowed_share(self._values):
            raise TurnupError(
                f"{self._place(event)}: the aliases of the document stand for {self._aliased} values, far more than the document itself contains. "
                "Write the values out, or use fewer aliases."
            )
        if len(self._stack) + found.height > DEPTH:
            raise TurnupError(f"{self._path}: {TOO_DEEP}")
        self._add(_copy(found.value), found.height, event)

    def _add(self, value: Any, height: int, event: Any) -> None:
        """Puts a value where the text has it."""
        if not self._stack:
            self._root = self._json(value, event)
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.height = max(top.height, height + 1)
            top.value.append(self._json(value, event))
        elif not top.has_key:
            key = key_text(value)
            if key is None:
                found = "null" if value is None else str(value)
                raise TurnupError(f"{self._place(event)}: a key is {found}, which JSON cannot express. Write the key in quotes.")
            if key in top.written:
                raise TurnupError(f"{self._path}:{event.start_mark.line + 1}: the key {key!r} appears twice in one mapping. Keep one.")
            top.written.add(key)
            top.key, top.has_key = key, True
        elif top.merge:
            self._merge(top, value, event)
            top.height = max(top.height, height)
            top.has_key = top.merge = False
        else:
            top.height = max(top.height, height + 1)
            top.value[top.key] = self._json(value, event)
            top.has_key = False

    def _merge(self, top: _Open, value: Any, event: Any) -> None:
        """Merges a mapping, or a list of mappings in which the first wins; a key that comes later in the text wins over both."""
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise TurnupError(f"{self._place(event)}: << does not stand before a mapping or a list of mappings. Correct it.")
        for source in reversed(sources):
            top.value.update(source)

    def _json(self, value: Any, event: Any) -> Any:
        """Returns a value as JSON has it."""
        if not isinstance(value, float):
            return value
        if math.isfinite(value):
            return json_number(value)
        found = getattr(event, "value", value)  # An alias has no text.
        raise TurnupError(f"{self._place(event)}: the value is {found}, which JSON cannot express. Write it as text.")

    def _check_decimal(self, event: Any) -> None:
        """Checks that a port is not written in base 8, for example 050051, which is 20521.

        Raises:
            TurnupError: it is.
        """
        top = self._stack[-1]
        if not (top.ports or (isinstance(top.value, dict) and top.key.lower().endswith("port"))) or not _OCTAL.fullmatch(event.value):
            return
        what = f"port {top.key!r}" if top.ports else top.key
        plain = event.value.replace("_", "").lstrip("+-0")
        advice = f"Write {plain}" if plain else "Write a decimal number"
        raise TurnupError(f"{self._path}:{event.start_mark.line + 1}: {what} is {event.value}, which YAML reads in base 8. {advice}.")


def _short(tag: str) -> str:
    """Returns a tag as people write it."""
    return f"!!{tag.removeprefix(_TAGS)}" if tag.startswith(_TAGS) else tag


def _allowed_share(values: int) -> float:
    """Returns which share of a document's values aliases may stand for."""
    scale = (min(max(values, _SMALL), _LARGE) - _SMALL) / (_LARGE - _SMALL)
    return _SMALL_SHARE - (_SMALL_SHARE - _LARGE_SHARE) * scale


def _copy(value: Any) -> Any:
    """Returns a deep copy of a JSON value, at most DEPTH levels deep."""
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value
