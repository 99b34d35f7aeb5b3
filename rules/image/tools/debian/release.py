"""The age of an archive's index, from its signed Release files.

apt checks their signatures, and Valid-Until where a Release file has it. Debian's stable suite has none, because it changes only with
a point release, so a mirror could show an old state of it, with its old faults, for ever. Its Date makes that visible.

Format: https://wiki.debian.org/DebianRepository/Format (Release files).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

from rules.image.tools.debian.errors import AptError

# A stable suite gets a point release about every two months; older suites get their last one when long-term support takes over.
_DAYS_OF_STABLE = 120
_DAYS = 365
_HEAD_BYTES = 1 << 16


class Release(NamedTuple):
    """The head of a Release file: origin and suite as a person knows them, and its two dates; None for one that it lacks."""

    name: str
    suite: str
    date: datetime.datetime | None
    until: datetime.datetime | None


def releases(files: Iterable[Path]) -> Iterator[Release]:
    """Yields the heads of Release files."""
    for path in sorted(files):
        with path.open("rb") as file:
            text = file.read(_HEAD_BYTES).decode("utf-8", "replace")
        fields = dict(re.findall(r"^(Origin|Suite|Codename|Date|Valid-Until): *(\S.*?)\s*$", text, re.MULTILINE))
        name = " ".join(word for word in (fields.get("Origin"), fields.get("Codename") or fields.get("Suite")) if word) or path.name
        yield Release(name, fields.get("Suite", ""), _time(fields.get("Date")), _time(fields.get("Valid-Until")))


def check_age(files: Iterable[Path], now: datetime.datetime | None = None) -> list[str]:
    """Returns a warning for each Release file that is suspiciously old.

    Args:
        files: the Release files, of which apt has checked the signatures.
        now: the present time; None for the machine's clock.

    Raises:
        AptError: a Release file is not valid any more.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    warnings = []
    for release in releases(files):
        if release.until is not None and release.until < now:
            raise AptError(
                f"the index of {release.name} was valid until {release.until:%Y-%m-%d}; the mirror is out of date or shows an old state: "
                "check it in /etc/apt/sources.list*, and this machine's clock"
            )
        if release.until is None and release.date is None:
            warnings.append(f"the index of {release.name} has no date, so its age is unknown; check the mirror in /etc/apt/sources.list*")
        elif release.until is None and release.date is not None:
            days = (now - release.date).days
            if days > (_DAYS_OF_STABLE if release.suite == "stable" else _DAYS):
                warnings.append(
                    f"the index of {release.name} is from {release.date:%Y-%m-%d}, {days} days ago; if another mirror has a newer one, "
                    "this mirror shows an old state without later security updates: check it in /etc/apt/sources.list*"
                )
    return warnings


def _time(text: str | None) -> datetime.datetime | None:
    """Returns a date of a Release file; None for none, or for one that is not a date."""
    try:
        found = parsedate_to_datetime(text) if text else None
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=datetime.UTC) if found is not None and found.tzinfo is None else found
