"""Turns one evaluated value into files.

The engine's text is cut rather than parsed and printed again: numbers stay as
they are, and a large value costs little. That is safe because lines break only
between the parts of a value, never inside a string. All engines print alike:
three spaces a level, fields sorted, no newline at the end.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import posixpath
from collections.abc import Collection, Iterable
from itertools import accumulate

from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import Request

_INDENT = 3
# At the end of a line only a number ends so: a string ends with its quote.
_NO_NUMBERS = ("inf", "NaN")

# How the name of a file ends that is not whole.
_UNFINISHED = ".turnup-unfinished"

_CURES = {
    errno.EACCES: "give write permission",
    errno.EPERM: "give write permission",
    errno.EROFS: "use a file system that can be written to",
    errno.ENOSPC: "free space on the disk",
    errno.EDQUOT: "free space on the disk",
    errno.ENAMETOOLONG: "shorten the name",
    errno.EISDIR: "rename the output, or remove the folder",
    errno.EEXIST: "rename the output, or remove the file that stands in the place of its folder",
    errno.ENOTDIR: "rename the output, or remove the file that stands in the place of its folder",
}


def _members(text: str) -> list[str]:
    """Returns the members of an object or array, each as a JSON text of its own.

    A member of an object still starts with its quoted name and a colon.
    """
    pad = " " * _INDENT
    members: list[list[str]] = []
    for line in text.split("\n")[1:-1]:
        if line[_INDENT] not in " }]":
            members.append([])
        members[-1].append(line.removeprefix(pad))
    return ["\n".join(lines).removesuffix(",") for lines in members]


def split_object(text: str) -> dict[str, str]:
    """Cuts an object into its fields.

    Args:
        text: An object as the engine printed it.

    Returns:
        Field name -> value as JSON, in the order of the text.
    """
    fields = {}
    for member in _members(text):
        name, end = json.JSONDecoder().raw_decode(member)
        fields[name] = member[end + 2 :]
    return fields


def split_array(text: str) -> list[str]:
    """Cuts an array into its elements, each as JSON.

    Args:
        text: An array as the engine printed it.

    Returns:
        The elements in order.
    """
    return _members(text)


def kind(text: str) -> str:
    """Names the type of a value by its first character.

    Args:
        text: JSON.

    Returns:
        One of object, array, string, boolean, null, number.
    """
    return {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}.get(
        text[0], "number"
    )


def _expect(request: Request, text: str, wanted: str, why: str) -> None:
    """Raises unless the value is of the wanted type."""
    if kind(text) != wanted:
        raise RenderError(f"{request.src} evaluates to {_article(kind(text))}, but {why}")


def _article(word: str) -> str:
    """Returns the word with a or an before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _document(request: Request, text: str, name: str) -> str:
    """Returns what to write for one value."""
    if not request.string:
        return text + "\n"
    if kind(text) != "string":
        raise RenderError(
            f"{name} is {_article(kind(text))}, but extra_args has --string, which needs a string; "
            "make it a string (std.manifestYamlDoc, std.toString) or remove --string"
        )
    # One more even after a text that ends with one, as the command jsonnet does; a document of a stream needs it.
    return str(json.loads(text)) + "\n"


def _stream(request: Request, text: str) -> str:
    """Returns an array as a stream of YAML documents, which JSON values are."""
    _expect(request, text, "array", "yaml_stream needs an array with one element for each document")
    return "".join(f"---\n{_document(request, item, 'an element')}" for item in split_array(text)) + "...\n"


def _check_names(request: Request, names: Collection[str]) -> None:
    """Raises if a name would be written outside the output folder or in another's place."""
    for name in names:
        parts = name.split("/")
        if {"", ".", ".."} & {*parts} or "\0" in name:
            shown = name.replace("\0", "\\u0000")
            raise RenderError(f"{request.src} produced the file name '{shown}'; use a plain relative path")
        above = next((folder for folder in accumulate(parts[:-1], "{}/{}".format) if folder in names), None)
        if above:
            raise RenderError(f"{request.src} produced '{above}' as a file and as the folder of '{name}'; rename one")


def _base(outs: list[str]) -> str:
    """Returns the folder that the names of several outputs are relative to: the deepest that all are in."""
    return posixpath.commonpath([posixpath.dirname(out) for out in outs])


def _match(request: Request, names: Collection[str]) -> None:
    """Raises unless the program produced exactly the declared outputs."""
    base = _base(request.outs)
    declared = {posixpath.relpath(out, base): None for out in request.outs}
    missing = [name for name in declared if name not in names]
    extra = [name for name in names if name not in declared]
    if missing:
        produced = ", ".join(names) or "none"
        raise RenderError(
            f"{request.src} did not produce {', '.join(missing)}, which outs declares (produced: {produced}); "
            "add the field or remove the entry of outs"
        )
    if extra:
        raise RenderError(
            f"{request.src} produced {', '.join(extra)}, which outs does not declare "
            f"(declared: {', '.join(declared)}); add it to outs or remove the field"
        )


def layout(request: Request, text: str) -> dict[str, str]:
    """Decides what is written where.

    Args:
        request: The rendering.
        text: The value as the engine printed it.

    Returns:
        Path -> content of every file to write.

    Raises:
        RenderError: The value does not fit what the target declares.
    """
    check_numbers(request, text)
    if not request.multiple:
        content = _stream(request, text) if request.yaml_stream else _document(request, text, request.src)
        return {request.outs[0]: content}
    _expect(request, text, "object", "several outputs need an object with one field for each file")
    fields = split_object(text)
    _check_names(request, fields)
    if not request.out_dir:
        _match(request, fields)
    base = request.out_dir or _base(request.outs)
    return {
        posixpath.normpath(posixpath.join(base, name)): _document(request, value, f"'{name}' of {request.src}")
        for name, value in fields.items()
    }


def check_numbers(request: Request, text: str) -> None:
    """Refuses what rjsonnet prints for a number that JSON does not have.

    Args:
        request: The rendering.
        text: The value as the engine printed it.

    Raises:
        RenderError: There is such a number.
    """
    if text.endswith(_NO_NUMBERS) or any(f"{word}\n" in text or f"{word},\n" in text for word in _NO_NUMBERS):
        raise RenderError(
            f"{request.src} evaluates to a number that JSON cannot hold (infinite or NaN); correct the program"
        )


def _unfinished(path: str) -> str:
    """Returns where a file stands until it is whole: beside it, under a name that no length of the file's name makes too long."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, hashlib.blake2b(name.encode(), digest_size=12).hexdigest() + _UNFINISHED)


def write(files: dict[str, str]) -> None:
    """Writes files after everything was checked: all under other names, and when all are whole each gets its own.

    Args:
        files: Path -> content.

    Raises:
        RenderError: A file cannot be written; then none of them is.
    """
    path, done = "", False
    begun: dict[str, str] = {}
    finished: list[str] = []
    try:
        for path, content in files.items():
            os.makedirs(posixpath.dirname(path) or ".", exist_ok=True)
            begun[path] = _unfinished(path)
            with open(begun[path], "w", encoding="utf-8", newline="\n") as file:
                file.write(content)
        for path, unfinished in begun.items():
            os.replace(unfinished, path)
            finished.append(path)
        done = True
    except OSError as error:
        cure = _CURES.get(error.errno or 0, "look at what stands there")
        raise RenderError(f"cannot write {path}: {error.strerror}; {cure}") from error
    finally:
        if not done:
            discard(begun, finished)


def discard(files: Iterable[str], finished: Iterable[str] = (), folder: str = "") -> None:
    """Removes what a rendering that has failed, or was killed, has left.

    Args:
        files: Files that it may have begun: only what is unfinished of them goes.
        finished: Files that go themselves.
        folder: A folder of files that it may have begun; empty if there is none.
    """
    left = [*map(_unfinished, files), *finished]
    for place, _, names in os.walk(folder) if folder else ():
        left += [posixpath.join(place, name) for name in names if name.endswith(_UNFINISHED)]
    for path in left:
        try:
            os.unlink(path)
        except OSError:
            pass  # it was not begun
