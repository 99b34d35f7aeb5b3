"""The error of what apt and its archive do."""

from __future__ import annotations

from rules.image.tools.errors import ImageError


class AptError(ImageError):
    """apt is missing, or failed, or what the archive offers must not be used."""
