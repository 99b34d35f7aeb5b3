"""Reads and edits pins.yaml, which names the image that each environment runs and is checked in.

    staging:
      server: registry.example/python/server@sha256:…
    dev:
      server: registry.example/python/server@sha256:…

Reading is strict. An edit changes only the values that differ: comments, order
and blank lines of the file stay as they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.image_references import parse_digest_reference
from rules.k8s.tools.objects.yaml_documents import load_yaml_documents

Pins = dict[str, dict[str, str]]


def parse_pins(text: str, path: str, environments: Iterable[str]) -> Pins:
    """Reads and checks a pins file.

    Args:
        text: the file's content; empty means that nothing is pinned.
        path: its name for errors.
        environments: the environments that the file may contain.

    Returns:
        {environment: {image name: reference with a digest}}.

    Raises:
        TurnupError: the file is not a valid pins file.
    """
    documents = [doc for doc in load_yaml_documents(text, path) if doc is not None]
    if len(documents) > 1:
        raise TurnupError(f"{path} contains {len(documents)} YAML documents. Keep one.")
    data = documents[0] if documents else {}
    if not isinstance(data, dict):
        raise TurnupError(f"{path} is not a mapping of environments to image pins. Write, for example, 'dev: {{server: REPOSITORY@sha256:…}}'.")
    known = list(environments)
    pins: Pins = {}
    for environment, images in data.items():
        if environment not in known:
            raise TurnupError(f"{path}: {environment!r} is not an environment with pins. Use one of {', '.join(known)}.")
        if images is not None and not isinstance(images, dict):
            raise TurnupError(f"{path}: {environment} is not a mapping. Map image names to references with a digest.")
        pins[environment] = {}
        for name, reference in (images or {}).items():
            if not isinstance(reference, str) or not parse_digest_reference(reference):
                raise TurnupError(
                    f"{path}: {environment}.{name} is {reference!r}, which has no digest. Write REGISTRY/REPOSITORY@sha256:…, or let the pin target write it."
                )
            pins[environment][str(name)] = reference
    return pins


def edit_pins(text: str, path: str, environment: str, changes: Mapping[str, str], environments: Iterable[str]) -> str:
    """Returns the text of a pins file after setting some pins of one environment.

    Args:
        text: the file's current content.
        path: its name for errors.
        environment: the environment to change.
        changes: {image name: reference with a digest} to set; others stay.
        environments: the environments that the file may contain.

    Raises:
        TurnupError: the file is not a valid pins file, or its layout cannot be
            edited without rewriting it (a `{…}` mapping on one line).
    """
    import yaml  # Loaded late, because reading pins needs it only for files that are not empty.

    environments = list(environments)
    wanted = parse_pins(text, path, environments)
    wanted.setdefault(environment, {}).update(changes)
    if text and not text.endswith("\n"):
        text += "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = "".join(f"  {name}: {reference}\n" for name, reference in sorted(changes.items()))
    entry = next((pair for pair in (root.value if root else []) if pair[0].value == environment), None)
    if root is not None:
        _refuse_flow(root, path)
    if entry is None:
        if root is not None and not root.value:
            text = _cut(text, root.start_mark.index, root.end_mark.index, "")
        text = (text if text.strip() else "") + f"{environment}:\n{lines}"
    elif isinstance(entry[1], yaml.MappingNode) and entry[1].value:
        _refuse_flow(entry[1], path)
        text = _edit_block(text, entry[1], changes)
    else:
        # `dev:`, `dev: {}` or `dev: null`: the value is removed, a comment on the line stays.
        key, value = entry
        text = _cut(text, value.start_mark.index, value.end_mark.index, "")
        line_end = text.index("\n", key.end_mark.index)
        line = text[key.end_mark.index : line_end].rstrip()
        text = text[: key.end_mark.index] + line + "\n" + lines + text[line_end + 1 :]
    if parse_pins(text, path, environments) != wanted:
        raise TurnupError(f"{path} cannot be edited in place. Write {environment} as one 'name: reference' line per image.")
    return text


def _refuse_flow(node: Any, path: str) -> None:
    if node.flow_style and node.value:
        raise TurnupError(f"{path}:{node.start_mark.line + 1}: a mapping in braces cannot be edited in place. Write one 'name: reference' line per image.")


def _edit_block(text: str, block: Any, changes: Mapping[str, str]) -> str:
    """Replaces scalars of a block mapping from its end to its start, so that earlier positions stay valid."""
    present = {key.value: value for key, value in block.value}
    indent = " " * block.value[0][0].start_mark.column
    last = block.value[-1][1].end_mark.index
    line_end = text.find("\n", last)
    edits = []
    missing = sorted(name for name in changes if name not in present)
    if missing:
        at = len(text) if line_end < 0 else line_end + 1
        edits.append((at, at, "".join(f"{indent}{name}: {changes[name]}\n" for name in missing)))
    for name, reference in changes.items():
        if name in present:
            edits.append((present[name].start_mark.index, present[name].end_mark.index, reference))
    for start, end, new in sorted(edits, reverse=True):
        text = _cut(text, start, end, new)
    return text


def _cut(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def write_together(contents: Mapping[Path, str]) -> None:
    """Replaces several files atomically, and only after all new contents are written to temporary files beside them.

    Args:
        contents: {file: its new text (UTF-8)}.

    Raises:
        TurnupError: a file cannot be written; no file has changed then, unless the
            last step, the renames, failed.
    """
    staged: list[tuple[str, Path]] = []
    try:
        for path, text in contents.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged.append((name, path))
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp makes private files; a checked-in file keeps its mode.
            os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        for name, path in staged:
            os.replace(name, path)
    except OSError as error:
        raise TurnupError(f"{error.filename or 'pins'} cannot be written ({error.strerror}). Make it writable and run the command again.") from error
    finally:
        for name, _ in staged:
            if os.path.exists(name):
                os.unlink(name)
