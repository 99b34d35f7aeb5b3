"""What Bazel writes to a persistent worker: a sequence of JSON objects.

Bazel 4 writes them without a newline between or after them, newer ones with one; both are read by watching the braces.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_TOKEN = re.compile(r'\\.|["{}]', re.DOTALL)


class ProtocolError(Exception):
    """The request stream is not what Bazel writes."""


def messages(stream: BinaryIO | io.RawIOBase) -> Iterator[dict[str, Any]]:
    """Reads JSON objects from a stream as they come, with or without newlines.

    Args:
        stream: A raw or buffered binary stream.

    Yields:
        Each object, as soon as its closing brace is there.

    Raises:
        ProtocolError: The bytes are no sequence of JSON objects.
    """
    read = getattr(stream, "read1", stream.read)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    buffer, scanned, depth, in_string = "", 0, 0, False
    try:
        while chunk := read(1 << 16):
            buffer += decode(chunk)
            position = scanned
            while match := _TOKEN.search(buffer, position):
                token, position = match.group(), match.end()
                if token == '"':
                    in_string = not in_string
                elif not in_string and token in "{}":
                    depth += 1 if token == "{" else -1
                    if depth <= 0:
                        yield json.loads(buffer[:position])
                        buffer, position, depth = buffer[position:], 0, 0
            if depth == 0 and buffer.strip():
                raise ProtocolError(f"expected a JSON object, found {buffer[:40]!r}")
            # A backslash at the end, unless it ends an escape, waits for what it escapes.
            scanned = max(position, len(buffer) - buffer.endswith("\\"))
    except ValueError as error:
        raise ProtocolError(f"a request is no JSON: {error}") from error
    if buffer.strip():
        raise ProtocolError("the last request is cut off")
