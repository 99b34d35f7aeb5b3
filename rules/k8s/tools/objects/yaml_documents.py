"""Reads YAML documents as kubectl does, and writes YAML for people."""

from __future__ import annotations

import re
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.json_documents import is_json, load_json, place_in
from rules.k8s.tools.objects.yaml_reader import YamlReader
from rules.k8s.tools.objects.yaml_scalars import resolve

# At the start of a document: of the text, before a line of hyphens, or after one.
_BYTE_ORDER_MARK = re.compile(r"(?P<before>\A|^---(?:[ \t][^\n]*)?\r?\n)\ufeff|^\ufeff(?=---(?:\s|\Z))", re.MULTILINE)
_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load_yaml_documents(text: str, path: str) -> list[Any]:
    """Parses YAML documents into values that JSON has.

    Args:
        text: the documents.
        path: the file's name for errors.

    Raises:
        TurnupError: the text is not YAML, JSON lacks a value in it, its aliases stand for too much, a key appears twice in
            one mapping, or a port is not the number that it looks like.
    """
    import yaml  # The import takes 20 ms, which only YAML input costs.

    text = _BYTE_ORDER_MARK.sub(lambda match: match["before"] or "", text)
    control = _NOT_IN_YAML.search(text)
    if control:
        raise TurnupError(
            f"{place_in(text, control.start(), path)}: the text contains the control character U+{ord(control[0]):04X}, which YAML does not allow. "
            'Remove it, or write it as an escape in double quotes, for example "\\x1b".'
        )
    try:
        return list(YamlReader(path).documents(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
    except yaml.YAMLError as error:
        if "Unicode character escape" in str(error) and is_json(text):
            return [load_json(text, path)]  # JSON has pairs of escapes for one character, which YAML lacks.
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        problem = getattr(error, "problem", None) or "not YAML"
        raise TurnupError(f"{place}: the text is not YAML ({problem}). Correct it.") from error


TOP_FIELDS = ("apiVersion", "kind", "metadata")


def to_yaml(value: Any) -> str:
    """Returns a value as YAML: apiVersion, kind and metadata first, other keys in their order, long lines unfolded."""
    import yaml

    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc, valid-type]
        """The safe dumper, which also puts texts in quotes that are no text for kubectl only, such as y and 1e3."""

    def represent(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if resolve(text) == text else "'")

    Dumper.add_representer(str, represent)
    if isinstance(value, dict):
        value = {**{key: value[key] for key in TOP_FIELDS if key in value}, **value}
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1 << 20)
