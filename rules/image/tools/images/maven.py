"""Maven artifacts in an image: what a jar says about itself, and what the rules say about a layer."""

from __future__ import annotations

import io
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_PROPERTIES = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties\Z")
_LINE = re.compile(r"^(groupId|artifactId|version)\s*[=:]\s*(\S+)\s*$", re.MULTILINE)
# What java_image writes into an image's history for the layer of one artifact (rules/image/private/java_layers.bzl).
_LAYER = re.compile(r"third party: ([\w.-]+):([\w.-]+)(?::([\w.-]+)(?::([\w.-]+))?)?:([\w.+-]+)\Z")
_LIMIT = 1 << 20  # bytes of a pom.properties; they have a hundred
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)


class Artifact(NamedTuple):
    """The coordinates of a file in a Maven repository.

    Attributes:
        group: groupId.
        name: artifactId.
        version: version.
        packaging: the file's type. Empty: jar.
        classifier: what distinguishes files of one artifact. Empty: the main file.
    """

    group: str
    name: str
    version: str
    packaging: str = ""
    classifier: str = ""

    @property
    def purl(self) -> str:
        """The package URL."""
        qualifiers = {"classifier": self.classifier, "type": self.packaging if self.packaging != "jar" else ""}
        query = "&".join(f"{key}={_quote(value)}" for key, value in qualifiers.items() if value)
        return f"pkg:maven/{_quote(self.group)}/{_quote(self.name)}@{_quote(self.version)}{f'?{query}' * bool(query)}"


def _quote(text: str) -> str:
    """Returns text escaped for a package URL."""
    return urllib.parse.quote(text, safe=".-_~")


def in_jar(data: bytes) -> list[Artifact]:
    """Returns the artifacts that a jar names in its pom.properties files; none if it can't be read as a jar."""
    found = set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as jar:
            for entry in jar.infolist():
                if _PROPERTIES.match(entry.filename) and entry.file_size <= _LIMIT:
                    fields = dict(_LINE.findall(jar.read(entry).decode("utf-8", "replace")))
                    if fields.keys() == {"groupId", "artifactId", "version"}:
                        found.add(Artifact(fields["groupId"], fields["artifactId"], fields["version"]))
    except _DAMAGED:
        return []
    return sorted(found)


def of_layers(config: Mapping[str, Any], count: int) -> list[Artifact | None]:
    """Returns the artifact of each layer by the image's history; None for layers of anything else.

    Args:
        config: the image config.
        count: the number of layers; a history of another number of layers says nothing.
    """
    history: Sequence[Any] = config.get("history") or []
    made = [str(entry.get("created_by", "")) for entry in history if isinstance(entry, dict) and not entry.get("empty_layer")]
    if len(made) != count:
        return [None] * count
    matches = [_LAYER.match(text) for text in made]
    return [Artifact(match[1], match[2], match[5], match[3] or "", match[4] or "") if match else None for match in matches]
