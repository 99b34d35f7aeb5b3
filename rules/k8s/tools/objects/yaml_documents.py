"""Reads YAML documents as kubectl does, and writes YAML for people."""

from __future__ import annotations

import json
import re
from typing import Any

from rules.k8s.tools.errors import TurnupError

# Deeper than any definition of a custom resource, and far from the depth at which recursive programs fail.
_DEPTH = 200
TOO_DEEP = f"is nested more than {_DEPTH} levels deep. Objects of Kubernetes have fewer levels."


def load_yaml_documents(text: str, path: str) -> list[Any]:
    """Parses YAML documents.

    Args:
        text: the documents.
        path: the file's name for errors.

    Raises:
        TurnupError: the text is not YAML, a key appears twice in one mapping, or a port is not the number that it looks like.
    """
    import yaml  # The import takes 20 ms, which only YAML input costs.

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        """The safe loader, which also refuses duplicate keys."""

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
                    raise TurnupError(f"{path}:{line}: the key {key!r} appears twice in one mapping. Keep one.")
                if isinstance(key, str):
                    seen.add(key)
            return super().construct_mapping(node, deep)

    # As in kubectl, dates are texts, and so is a plain `=`, which enums of definitions contain.
    for tag in ("value", "timestamp"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", Loader.construct_yaml_str)
    try:
        documents = list(yaml.load_all(text, Loader=Loader))
    except RecursionError:
        raise TurnupError(f"{path}: {TOO_DEEP}") from None
    except yaml.YAMLError as error:
        if "Unicode character escape" in str(error) and (found := _as_json(text)) is not None:
            return found
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        problem = getattr(error, "problem", None) or "not YAML"
        raise TurnupError(f"{place}: the text is not YAML ({problem}). Correct it.") from error
    try:
        json.dumps(documents, allow_nan=False)
    except RecursionError:
        raise TurnupError(f"{path}: {TOO_DEEP}") from None
    except (TypeError, ValueError) as error:
        raise TurnupError(
            f"{path} contains a value that JSON cannot express ({error}). "
            f"{'Replace the alias by its value' if 'Circular' in str(error) else 'Write it as text'}."
        ) from error
    return documents


def _as_json(text: str) -> list[Any] | None:
    """Returns the document of a text that is JSON, None for others. JSON has pairs of escapes for one character, which YAML lacks."""
    try:
        return [json.loads(text)]
    except ValueError:
        return None


_OCTAL_OR_BASE_60 = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+)")


def check_decimal(node: Any, path: str, what: str) -> None:
    """Checks that YAML 1.1 does not read a port in base 8 or 60, for example 050051 (20521) or 1:30 (90).

    Args:
        node: the YAML node of the value.
        path: the file, for the error.
        what: the name of the value, for the error.

    Raises:
        TurnupError: YAML reads another number than a person.
    """
    text = getattr(node, "value", None)
    if node.tag != "tag:yaml.org,2002:int" or not isinstance(text, str) or not _OCTAL_OR_BASE_60.fullmatch(text):
        return
    base = "base 60" if ":" in text else "base 8"
    plain = "".join(text.split("_")).lstrip("+-0")
    advice = f"Write {plain}" if plain.isdigit() else "Write a decimal number"
    raise TurnupError(f"{path}:{node.start_mark.line + 1}: {what} is {text}, which YAML reads in {base}. {advice}.")


TOP_FIELDS = ("apiVersion", "kind", "metadata")


def to_yaml(value: Any) -> str:
    """Returns a value as YAML: apiVersion, kind and metadata first, other keys in their order, long lines unfolded."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    if isinstance(value, dict):
        value = {**{key: value[key] for key in TOP_FIELDS if key in value}, **value}
    return yaml.dump(value, Dumper=dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1 << 20)


def is_deep(value: Any) -> bool:
    """Returns whether a JSON value is nested more than _DEPTH levels deep."""
    level = [value]
    for _ in range(_DEPTH + 1):
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
    return bool(level)
