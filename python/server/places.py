"""Reads the places that the sample serves from the IANA time zone database.

The table `zone1970.tab` lists the time zones of the world with the position of
each zone's principal location; the PyPI package tzdata carries it. Pure
functions, apart from `load`.
"""

import re
from dataclasses import dataclass
from importlib import resources

_ISO6709 = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?")


class TableError(ValueError):
    """A line of the table that does not have the form that its header describes."""


@dataclass(frozen=True)
class Place:
    """The principal location of a time zone.

    Attributes:
        name: zone name, such as "Europe/Zurich".
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        countries: ISO 3166 codes, principal country first, never empty.
        remark: which part of the country is meant; may be empty.
    """

    name: str
    latitude: float
    longitude: float
    countries: tuple[str, ...]
    remark: str = ""


def parse_position(text: str) -> tuple[float, float]:
    """Converts ISO 6709 sign-degrees-minutes[-seconds] to (latitude, longitude).

    Args:
        text: ±DDMM±DDDMM or ±DDMMSS±DDDMMSS, such as "+4723+00832".

    Returns:
        Degrees north and degrees east.

    Raises:
        TableError: another form, or a value off the globe.
    """
    match = _ISO6709.fullmatch(text)
    if match is None or (match[4] is None) != (match[8] is None):
        raise TableError(f"{text!r} is no position of the form ±DDMM±DDDMM or ±DDMMSS±DDDMMSS")
    latitude = _degrees(*match.group(1, 2, 3, 4))
    longitude = _degrees(*match.group(5, 6, 7, 8))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise TableError(f"{text!r} lies off the globe")
    return latitude, longitude


def _degrees(sign: str, degrees: str, minutes: str, seconds: str | None) -> float:
    if int(minutes) >= 60 or int(seconds or 0) >= 60:
        raise TableError(f"{minutes!r} minutes and {seconds or '0'!r} seconds must be below 60")
    value = int(degrees) + int(minutes) / 60 + int(seconds or 0) / 3600
    return -value if sign == "-" else value


def parse_table(text: str) -> list[Place]:
    """Parses the whole table, in its order.

    Args:
        text: zone1970.tab: lines of country codes, position, zone name and an
            optional remark, parted by tabs; lines that begin with # are comments.

    Raises:
        TableError: a line of another form, a name that comes twice, or no place
            at all; the message names the line.
    """
    places: dict[str, Place] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) not in (3, 4) or not all(columns[:3]):
            raise TableError(f"line {number}: expected 3 or 4 columns, got {len(columns)}: {line!r}")
        try:
            latitude, longitude = parse_position(columns[1])
        except TableError as error:
            raise TableError(f"line {number}: {error}") from None
        name = columns[2]
        if name in places:
            raise TableError(f"line {number}: {name} comes twice")
        remark = columns[3] if len(columns) == 4 else ""
        places[name] = Place(name, latitude, longitude, tuple(columns[0].split(",")), remark)
    if not places:
        raise TableError("the table has no place")
    return list(places.values())


def load() -> list[Place]:
    """Returns the places of the tzdata package's zone1970.tab.

    Raises:
        TableError: the table is missing from the package, or malformed.
    """
    table = resources.files("tzdata") / "zoneinfo" / "zone1970.tab"
    try:
        text = table.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TableError("the tzdata package carries no zoneinfo/zone1970.tab") from None
    try:
        return parse_table(text)
    except TableError as error:
        raise TableError(f"tzdata's zone1970.tab: {error}") from None
