"""Reads and writes the lock of a target's images by tag, a checked-in file with a digest for each reference.

```
# Images by tag: reference, digest. Update with: bazel run //shop/ingress:ingress.update_images
registry.example/ingress/controller:v1.9 sha256:…
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rules.k8s.tools.errors import TurnupError

__all__ = ["parse_lock", "render_lock"]

_HEAD = "# Images by tag: reference, digest. Update with: bazel run "
_LINE = re.compile(r"([^\s#@]\S*) (sha256:[0-9a-f]{64})")


def parse_lock(text: str, path: str, update: str) -> dict[str, str]:
    """Reads and checks a lock.

    Args:
        text: the file's content; empty means that nothing is locked.
        path: its name for errors.
        update: the target that writes it.

    Returns:
        {reference in the manifests: digest}.

    Raises:
        TurnupError: the file is not a lock, or another target writes it.
    """
    digests: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_HEAD) and (writer := line.removeprefix(_HEAD).strip()) != update:
            raise TurnupError(
                f"{path}:{number}: {writer} writes this lock, not {update}. Give each target a lock, or empty the file if its target was renamed."
            )
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise TurnupError(f"{path}:{number}: {line!r:.120} is not 'REFERENCE sha256:DIGEST'. Remove the line and run 'bazel run {update}'.")
        if found[1] in digests:
            raise TurnupError(f"{path}:{number}: {found[1]} appears twice. Remove one line and run 'bazel run {update}'.")
        digests[found[1]] = found[2]
    return digests


def render_lock(digests: Mapping[str, str], update: str) -> str:
    """Returns the text of a lock.

    Args:
        digests: {reference in the manifests: digest}.
        update: the target that writes it.
    """
    return f"{_HEAD}{update}\n" + "".join(f"{reference} {digest}\n" for reference, digest in sorted(digests.items()))
