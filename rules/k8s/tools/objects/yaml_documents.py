"""YAML documents: reading them as kubectl does, and writing them for people."""

from __future__ import annotations

import json
import re
from typing import Any

from rules.k8s.tools.errors import TurnupError

# Deeper than any definition of a custom resource, and far from where programs that walk through an object end.
_DEPTH = 200
TOO_DEEP = f"nested more than {_DEPTH} deep; no object of Kubernetes is."


def load_yaml_documents(text: str, path: str) -> list[Any]:
    """Parses YAML documents, refusing a key that stands twice in one mapping and a port that is not what it looks like.

    Raises:
        TurnupError: with file, line and column, when the text is not YAML.
    """
    import yaml  # Costs 20 ms: only YAML input pays for it.

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        """The safe loader with duplicate keys refused."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[Any] = set()
            for key_node, value_node in node.value:
                key = getattr(key_node, "value", None)
                if isinstance(key, str) and key.lower().endswith("port"):
                    check_decimal(value_node, path, key)
                elif key == "ports" and isinstance(value_node, yaml.MappingNode):
                    for name_node, number_node in value_node.value:
                        check_decimal(number_node, path, f"port {getattr(name_node, 'value', '')!r}")
                if isinstance(key, str) and key in seen and key != "<<":
                    line = key_node.start_mark.line + 1
                    raise TurnupError(f"{path}:{line}: the key {key!r} stands twice in one mapping; keep one.")
                if isinstance(key, str):
                    seen.add(key)
            return super().construct_mapping(node, deep)

    # As kubectl reads them: a plain `=`, which stands in enums of definitions, and dates are text.
    for tag in ("value", "timestamp"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", Loader.construct_yaml_str)
    try:
        documents = list(yaml.load_all(text, Loader=Loader))
    except RecursionError:
        raise TurnupError(f"{path}: {TOO_DEEP}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        problem = getattr(error, "problem", None) or "not YAML"
        raise TurnupError(f"{place}: not YAML: {problem}.") from error
    try:
        json.dumps(documents, allow_nan=False)
    except RecursionError:
        raise TurnupError(f"{path}: {TOO_DEEP}") from None
    except (TypeError, ValueError) as error:
        raise TurnupError(f"{path}: holds something that JSON cannot express ({error}); "
                          f"{'write out what the alias stands for' if 'Circular' in str(error) else 'write it as text'}.") from error
    return documents


_MISREAD = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+)")


def check_decimal(node: Any, path: str, what: str) -> None:
    """Refuses a port that YAML 1.1 reads in base 8 or 60, such as 050051 (20521) or 1:30 (90).

    Args:
        node: the YAML node of the value.
        path: the file, for the error.
        what: what the value is, for the error.

    Raises:
        TurnupError: with the line, the text and the number that YAML makes of it.
    """
    text = getattr(node, "value", None)
    if node.tag != "tag:yaml.org,2002:int" or not isinstance(text, str) or not _MISREAD.fullmatch(text):
        return
    base = "base 60" if ":" in text else "base 8"
    plain = "".join(text.split("_")).lstrip("+-0")
    advice = f"write {plain}" if plain.isdigit() else "write a decimal number"
    raise TurnupError(f"{path}:{node.start_mark.line + 1}: {what} is {text}, which YAML reads in {base}; {advice}.")


TOP_FIELDS = ("apiVersion", "kind", "metadata")


def to_yaml(value: Any) -> str:
    """Returns a value as YAML: apiVersion, kind and metadata first, the rest in the order given, no line folded."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    if isinstance(value, dict):
        value = {**{key: value[key] for key in TOP_FIELDS if key in value}, **value}
    return yaml.dump(value, Dumper=dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1 << 20)


def is_deep(value: Any) -> bool:
    """Says whether a JSON value is nested more than _DEPTH deep."""
    level = [value]
    for _ in range(_DEPTH + 1):
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
    return bool(level)
