"""Warnings that the API server sends with its answers, for example about deprecated kinds or Pod Security."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from rules.k8s.tools.api.discovery import Kinds
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import Identity, group_of


class ServerWarnings:
    """Reports each warning about an object once, although a dry run and a write both get it.

    Args:
        kinds: the kinds that the cluster serves.
        label: label of the target for objects that are not known, for example those of an older revision.
        say: receives the label of the object's target, the object and the text.
    """

    def __init__(self, kinds: Kinds, label: str, say: Callable[[str, Identity, str], None]) -> None:
        self._kinds = kinds
        self._label = label
        self._say = say
        self._known: dict[str, tuple[str, Identity]] = {}
        self._said: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def know(self, items: Iterable[Item]) -> None:
        """Adds items that requests may be about."""
        self._known |= {item.path: (item.label, item.identity) for item in items}

    def hear(self, path: str, text: str) -> None:
        """Reports a warning about the object at a path; one that is about no object, or was reported before, is dropped."""
        label, found = self._known.get(path) or (self._label, self._identity_at(path))
        with self._lock:
            if found is None or (path, text) in self._said:
                return
            self._said.add((path, text))
        self._say(label, found, text)

    def _identity_at(self, path: str) -> Identity | None:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        version, rest = ("/".join(parts[1:3]), parts[3:]) if parts[0] == "apis" else (parts[1] if len(parts) > 1 else "", parts[2:])
        namespace = rest[1] if len(rest) > 2 and rest[0] == "namespaces" else ""
        plural, name = (rest[2:] if namespace else rest)[:2] if len(rest) - 2 * bool(namespace) >= 2 else ("", "")
        kind = self._kinds.kind_of(version, plural)
        return Identity(group_of(version), kind, namespace, name) if kind else None
