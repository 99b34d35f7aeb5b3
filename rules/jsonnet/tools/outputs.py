"""Writes an evaluated value to files.

The engine's text is split rather than parsed and formatted again, so numbers stay
the same and large values are cheap. This is safe because lines break only between
the parts of a value, never inside a string. All engines use the same format: three
spaces per level, sorted fields, no newline at the end.
"""

from __future__ import annotations

import contextlib
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
# At the end of a line these are numbers, because a string ends with its quote.
_NOT_IN_JSON = ("inf", "NaN")

# Suffix of a partially written file.
_UNFINISHED = ".turnup-unfinished"

_ADVICE = {
    errno.EACCES: "give write permission",
    errno.EPERM: "give write permission",
    errno.EROFS: "use a writable file system",
    errno.ENOSPC: "free space on the disk",
    errno.EDQUOT: "free space on the disk",
    errno.ENAMETOOLONG: "shorten the name",
    errno.EISDIR: "rename the output, or remove the folder",
    errno.EEXIST: "rename the output, or remove the file that has the name of its folder",
    errno.ENOTDIR: "rename the output, or remove the file that has the name of its folder",
}


def _members(text: str) -> list[str]:
    """Returns the members of an object or array, each as JSON.

    A member of an object starts with its quoted name and a colon.
    """
    pad = " " * _INDENT
    members: list[list[str]] = []
    for line in text.split("\n")[1:-1]:
        if line[_INDENT] not in " }]":
            members.append([])
        members[-1].append(line.removeprefix(pad))
    return ["\n".join(lines).removesuffix(",") for lines in members]


def split_object(text: str) -> dict[str, str]:
    """Splits an object into its fields.

    Args:
        text: an object in the engine's format.

    Returns:
        Map of field name to value as JSON, in the order of the text.
    """
    fields = {}
    for member in _members(text):
        name, end = json.JSONDecoder().raw_decode(member)
        fields[name] = member[end + 2 :]
    return fields


def split_array(text: str) -> list[str]:
    """Splits an array into its elements.

    Args:
        text: an array in the engine's format.

    Returns:
        The elements as JSON, in order.
    """
    return _members(text)


def kind(text: str) -> str:
    """Returns the type of a value, which its first character shows.

    Args:
        text: the value as JSON.

    Returns:
        "object", "array", "string", "boolean", "null" or "number".
    """
    return {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}.get(text[0], "number")


def _expect(request: Request, text: str, expected: str, advice: str) -> None:
    """Raises a RenderError unless the value has the expected type."""
    if kind(text) != expected:
        raise RenderError(f"{request.src}: the value is {_article(kind(text))}; {advice}")


def _article(word: str) -> str:
    """Returns the word with its indefinite article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _document(request: Request, text: str, name: str) -> str:
    """Returns the content of the file or document for one value."""
    if not request.string:
        return text + "\n"
    if kind(text) != "string":
        raise RenderError(f"{name} is {_article(kind(text))}, not a string; convert it (std.manifestYamlDoc, std.toString), or remove --string from extra_args")
    # Always adds a newline, as `jsonnet -S` does; the documents of a stream need it.
    return str(json.loads(text)) + "\n"


def _stream(request: Request, text: str) -> str:
    """Returns an array as a stream of YAML documents; every JSON value is YAML."""
    _expect(request, text, "array", "return an array with one element per document, or remove yaml_stream")
    return "".join(f"---\n{_document(request, item, f'{request.src}: an element')}" for item in split_array(text)) + "...\n"


def _check_names(request: Request, names: Collection[str]) -> None:
    """Raises a RenderError if a file would be outside of the output folder, or if one name is both a file and a folder."""
    for name in names:
        parts = name.split("/")
        if {"", ".", ".."} & {*parts} or "\0" in name:
            shown = name.replace("\0", "\\u0000")
            raise RenderError(f"{request.src}: the field '{shown}' is not a valid file name; use a relative path without . and ..")
        above = next((folder for folder in accumulate(parts[:-1], "{}/{}".format) if folder in names), None)
        if above:
            raise RenderError(f"{request.src}: '{above}' is both a file and the folder of '{name}'; rename one of them")


def _base(outs: list[str]) -> str:
    """Returns the deepest folder that contains all outputs; the names of several outputs are relative to it."""
    return posixpath.commonpath([posixpath.dirname(out) for out in outs])


def _match(request: Request, names: Collection[str]) -> None:
    """Raises a RenderError unless the program produced exactly the declared outputs."""
    base = _base(request.outs)
    declared = {posixpath.relpath(out, base): None for out in request.outs}
    missing = [name for name in declared if name not in names]
    extra = [name for name in names if name not in declared]
    if missing:
        produced = ", ".join(names) or "none"
        raise RenderError(
            f"{request.src}: the value lacks the fields {', '.join(missing)}, which outs declares (fields: {produced}); "
            "add the fields, or remove the entries from outs"
        )
    if extra:
        raise RenderError(
            f"{request.src}: the value has the fields {', '.join(extra)}, which outs does not declare "
            f"(outs: {', '.join(declared)}); add them to outs, or remove the fields"
        )


def layout(request: Request, text: str) -> dict[str, str]:
    """Splits a value into output files.

    Args:
        request: the rendering.
        text: the value in the engine's format.

    Returns:
        Map of path to content for every file to write.

    Raises:
        RenderError: the value does not match the declared outputs.
    """
    check_numbers(request, text)
    if not request.multiple:
        content = _stream(request, text) if request.yaml_stream else _document(request, text, request.src)
        return {request.outs[0]: content}
    _expect(request, text, "object", "return an object with one field per file")
    fields = split_object(text)
    _check_names(request, fields)
    if not request.out_dir:
        _match(request, fields)
    base = request.out_dir or _base(request.outs)
    return {posixpath.normpath(posixpath.join(base, name)): _document(request, value, f"{request.src}: the field '{name}'") for name, value in fields.items()}


def check_numbers(request: Request, text: str) -> None:
    """Rejects infinite numbers and NaN, which rjsonnet prints and JSON does not have.

    Args:
        request: the rendering.
        text: the value in the engine's format.

    Raises:
        RenderError: the value contains such a number.
    """
    if text.endswith(_NOT_IN_JSON) or any(f"{word}\n" in text or f"{word},\n" in text for word in _NOT_IN_JSON):
        raise RenderError(f"{request.src}: the value contains an infinite number or NaN, which JSON does not have; correct the program")


def _unfinished(path: str) -> str:
    """Returns the temporary path of a file, in the same folder. Its name has a fixed length, so it is never too long."""
    folder, name = posixpath.split(path)
    return posixpath.join(folder, hashlib.blake2b(name.encode(), digest_size=12).hexdigest() + _UNFINISHED)


def write(files: dict[str, str]) -> None:
    """Writes all files or none: first to temporary paths, and then renames them.

    Args:
        files: map of path to content.

    Raises:
        RenderError: a file can't be written. No file is written then.
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
        advice = _ADVICE.get(error.errno or 0, "check the folder and its permissions")
        raise RenderError(f"{path}: can't write it: {error.strerror}; {advice}") from error
    finally:
        if not done:
            discard(begun, finished)


def discard(files: Iterable[str], finished: Iterable[str] = (), folder: str = "") -> None:
    """Removes the files of a failed or killed rendering.

    Args:
        files: files that it may have started; only their temporary files are removed.
        finished: files to remove.
        folder: folder with files that it may have started; empty if there is none.
    """
    left = [*map(_unfinished, files), *finished]
    for place, _, names in os.walk(folder) if folder else ():
        left += [posixpath.join(place, name) for name in names if name.endswith(_UNFINISHED)]
    for path in left:
        with contextlib.suppress(OSError):  # it was not started
            os.unlink(path)
